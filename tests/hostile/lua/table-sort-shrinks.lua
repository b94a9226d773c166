-- A comparison that changes the list.
-- expect: error or kept or time
function transform(report)
	local list = {}
	for i = 1, 1000 do
		list[i] = -i
	end
	table.sort(list, function(a, b)
		table.clear(list)
		return a < b
	end)
	return report
end
