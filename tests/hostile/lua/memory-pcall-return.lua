-- Fills the memory, catches the error and returns.
-- expect: kept or memory
function transform(report)
	pcall(function()
		local text = "x"
		while true do
			text = text .. text
		end
	end)
	return report
end
