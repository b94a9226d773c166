-- The classic of backtracking.
-- expect: time
function transform(report)
	return string.rep("a", 10000):find(".-.-.-.-b$")
end
