-- A list of one report again and again, whose table has lost many fields.
-- expect: output or time or expanded
function transform(report)
	local emptied = { context = "c", name = "n", type = "start" }
	for i = 1, 20000 do
		emptied["k" .. i] = 1
	end
	for i = 1, 20000 do
		emptied["k" .. i] = nil
	end
	return table.create(100, emptied)
end
