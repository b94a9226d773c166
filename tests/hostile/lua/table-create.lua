-- A list of 2^31 places.
-- expect: error: more than 65536
function transform(report)
	return table.create(2 ^ 31, 0)
end
