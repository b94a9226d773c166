-- gsub whose replacement repeats the whole match.
-- expect: memory
function transform(report)
	return (string.rep("x", 1000000):gsub(".+", string.rep("%0", 500000)))
end
