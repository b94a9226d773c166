-- A long text that does not end.
-- expect: refused
local x = [==[ {{]=]*20000}}
function transform(report)
	return report
end
