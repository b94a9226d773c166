-- A search that almost matches everywhere.
-- expect: error: too long
function transform(report)
	return string.split(string.rep("a", 1000000), string.rep("a", 500000) .. "b")
end
