-- Looks up without end.
-- expect: time
function transform(report)
	while true do
		upto.lookup("hosts", "ip-10-0-3-17")
	end
end
