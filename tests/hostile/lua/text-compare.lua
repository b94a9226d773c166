-- Sorts texts that differ in their last letter, which are long to compare.
-- expect: time
function transform(report)
	local long, list = string.rep("x", 1000000), {}
	local pair = { long .. "1", long .. "2" }
	for i = 1, 60000 do
		list[i] = pair[i % 2 + 1]
	end
	table.sort(list)
	return report
end
