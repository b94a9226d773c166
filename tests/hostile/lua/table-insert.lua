-- Moves a large list by one, again and again.
-- expect: time
function transform(report)
	local list = table.create(65536, 1)
	while true do
		table.insert(list, 1, 1)
		table.remove(list, 1)
	end
end
