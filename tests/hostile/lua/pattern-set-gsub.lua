-- The same in gsub.
-- expect: error: too long
function transform(report)
	return string.rep("a", 1000000):gsub("[" .. string.rep("b", 500000) .. "a]*c", "")
end
