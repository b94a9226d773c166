-- 10,000 powers, which bind to the right.
-- expect: refused: operators
local x = 1{{^1*10000}}
function transform(report)
	return report
end
