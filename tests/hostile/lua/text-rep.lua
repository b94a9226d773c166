-- A text of 1 GB at once.
-- expect: error: more than 1 MiB
function transform(report)
	return string.rep("x", 1000000000)
end
