-- Comparisons of long texts one after another.
-- expect: refused: operators
local a = string.rep("9", 1000000)
local b = a .. "a"
a = a .. "b"
function transform(report)
	return { {{a<b,*5000}} } and report
end
