-- Catches the time-out once and returns as if nothing had been.
-- expect: time
function transform(report)
	pcall(function()
		while true do end
	end)
	return report
end
