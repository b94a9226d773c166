-- Arithmetic with a text of a million digits.
-- expect: time or kept
function transform(report)
	local digits = string.rep("9", 1000000)
	for _ = 1, 1000 do
		local _ = digits + 1
	end
	return report
end
