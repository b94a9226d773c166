-- A reference back to ever shorter captures.
-- expect: time
function transform(report)
	return string.rep("a", 100000):match("(.*)%1b")
end
