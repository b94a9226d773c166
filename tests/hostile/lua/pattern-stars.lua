-- Greedy backtracking.
-- expect: time
function transform(report)
	return string.rep("a", 10000):match("(.*)(.*)(.*)(.*)(.*)b")
end
