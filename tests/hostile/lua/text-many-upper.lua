-- upper, lower, reverse of a long text.
-- expect: time
function transform(report)
	local text = string.rep("x", 1000000)
	while true do
		text = text:upper():lower():reverse()
	end
end
