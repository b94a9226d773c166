-- A key that is NaN.
-- expect: error
function transform(report)
	local t = {}
	t[0 / 0] = 1
end
