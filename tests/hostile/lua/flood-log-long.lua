-- Logs lines of 1 MB.
-- expect: time
function transform(report)
	local text = string.rep("\255", 1000000)
	while true do
		upto.log("info", text)
	end
end
