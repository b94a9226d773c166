-- tonumber of a long text in bases.
-- expect: time or kept
function transform(report)
	local digits = string.rep("z", 1000000)
	for base = 2, 36 do
		tonumber(digits, base)
	end
	return report
end
