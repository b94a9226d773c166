-- A plain search that almost matches everywhere.
-- expect: error: too long
function transform(report)
	return string.find(string.rep("a", 1000000), string.rep("a", 500000) .. "b", 1, true)
end
