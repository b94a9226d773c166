-- Logs without end.
-- expect: time
function transform(report)
	while true do
		upto.log("error", "evil\27[2J")
	end
end
