-- A set that is read through for each letter.
-- expect: error: too long
function transform(report)
	return string.rep("a", 1000000):match("[" .. string.rep("b", 500000) .. "a]*c")
end
