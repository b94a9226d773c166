-- A ring of __newindex tables.
-- expect: error
function transform(report)
	local a, b = {}, {}
	setmetatable(a, { __newindex = b })
	setmetatable(b, { __newindex = a })
	a.x = 1
end
