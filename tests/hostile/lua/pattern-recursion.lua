-- A pattern of 200,000 items on the stack of C.
-- expect: error or kept
function transform(report)
	string.rep("a", 200000):match(string.rep("a?", 200000))
	return report
end
