-- More captures than there may be.
-- expect: error: too many captures
function transform(report)
	return string.rep("a", 100):match(string.rep("(a)", 33))
end
