-- unpack over the whole range of integers.
-- expect: error
function transform(report)
	return unpack({}, -2 ^ 31, 2 ^ 31 - 1)
end
