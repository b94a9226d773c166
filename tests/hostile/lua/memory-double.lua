-- Doubles a text without end.
-- expect: memory
function transform(report)
	local text = "x"
	while true do
		text = text .. text
	end
end
