-- upper, lower, reverse of a long text, which leaves megabytes of garbage.
-- expect: time or memory
function transform(report)
	local text = string.rep("x", 1000000)
	while true do
		text = text:upper():lower():reverse()
	end
end
