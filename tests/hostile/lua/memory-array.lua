-- Large arrays without end.
-- expect: memory or time
function transform(report)
	local list = {}
	while true do
		list[#list + 1] = table.create(65536, 0)
	end
end
