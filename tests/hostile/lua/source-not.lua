-- 15,000 times not.
-- expect: refused: recursion
local x = {{not *15000}}1
function transform(report)
	return report
end
