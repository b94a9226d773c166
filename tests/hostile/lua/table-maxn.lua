-- maxn and find over a large list.
-- expect: time
function transform(report)
	local list = table.create(65536, 1)
	while true do
		table.maxn(list)
		table.find(list, 2)
	end
end
