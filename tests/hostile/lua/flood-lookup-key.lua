-- Looks up a key of 1 MB.
-- expect: time
function transform(report)
	local key = string.rep("x", 1000000)
	while true do
		upto.lookup("hosts", key)
	end
end
