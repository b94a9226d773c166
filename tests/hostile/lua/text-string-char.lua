-- string.char and string.byte of a long text.
-- expect: error or memory or kept
function transform(report)
	string.char(string.byte(string.rep("x", 1000000), 1, -1))
	return report
end
