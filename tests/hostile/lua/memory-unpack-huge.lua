-- 2^31 values on the stack.
-- expect: error: too many results
function transform(report)
	return unpack({}, 1, 2 ^ 31 - 2)
end
