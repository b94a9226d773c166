-- Optional letters, each of which doubles the ways.
-- expect: time or error
function transform(report)
	return string.rep("a", 40):match("^" .. string.rep("a?", 40) .. string.rep("a", 41))
end
