-- Clones of a large table without end.
-- expect: time or memory
function transform(report)
	local list, all = table.create(65536, 1), {}
	while true do
		all[#all + 1] = table.clone(list)
	end
end
