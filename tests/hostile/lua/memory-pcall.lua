-- Fills the memory, catches the error, and fills it again.
-- expect: time or memory
function transform(report)
	while true do
		pcall(function()
			local text = "x"
			while true do
				text = text .. text
			end
		end)
	end
end
