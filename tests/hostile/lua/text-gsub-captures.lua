-- gsub whose replacement repeats a capture.
-- expect: memory
function transform(report)
	return (string.rep("x", 100000):gsub("(.*)", string.rep("%1", 100000)))
end
