-- A list without end.
-- expect: memory or time
function transform(report)
	local list = {}
	while true do
		list[#list + 1] = {}
	end
end
