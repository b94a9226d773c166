-- format of a pattern with 100,000 values.
-- expect: error or memory or time
function transform(report)
	return string.format(string.rep("%s", 100000), unpack(table.create(60000, "x"), 1, 60000))
end
