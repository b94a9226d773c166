-- gsub of each letter by a long text.
-- expect: memory
function transform(report)
	return (string.rep("x", 1000000):gsub("x", string.rep("y", 1000000)))
end
