-- A million values on the stack.
-- expect: error or memory
function transform(report)
	return select("#", unpack({}, 1, 1000000))
end
