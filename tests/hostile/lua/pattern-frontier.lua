-- %f with a large set at each place of a large text.
-- expect: error: too long
function transform(report)
	return string.rep("a", 1000000):match("%f[" .. string.rep("b", 500000) .. "]")
end
