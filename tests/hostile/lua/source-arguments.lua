-- A call with 10,000 arguments.
-- expect: refused
local x = type({{1,*10000}}1)
function transform(report)
	return report
end
