-- A table that holds itself.
-- expect: output
function transform(report)
	local t = {}
	t.context = t
	return t
end
