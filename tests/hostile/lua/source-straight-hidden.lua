-- Hides operators in texts that hold expressions.
-- expect: refused: operators
local digits = string.rep("9", 1000000)
function transform(report)
	local t = { {{`'{digits+1}`,*2000}} }
	return report
end
