-- bit32 with odd shifts and thousands of values.
-- expect: kept
function transform(report)
	bit32.band(unpack(table.create(5000, 2 ^ 53)))
	bit32.lshift(1, 2 ^ 31)
	bit32.extract(1, 31, 1)
	return report
end
