-- Catches the time-out in a loop.
-- expect: time
function transform(report)
	local function spin()
		while true do end
	end
	while true do
		pcall(spin)
	end
end
