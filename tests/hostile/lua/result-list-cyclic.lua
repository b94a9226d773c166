-- A list that holds itself.
-- expect: output
function transform(report)
	local t = {}
	t[1] = t
	return t
end
