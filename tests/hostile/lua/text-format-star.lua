-- format that takes a long text again and again.
-- expect: memory
function transform(report)
	local text = string.rep("x", 1000000)
	return string.format(string.rep("%s", 40), unpack(table.create(40, text)))
end
