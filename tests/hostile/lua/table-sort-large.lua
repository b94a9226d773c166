-- Sorts 60,000 numbers, again and again.
-- expect: time
function transform(report)
	local list = {}
	while true do
		for i = 1, 60000 do
			list[i] = -i
		end
		table.sort(list)
	end
end
