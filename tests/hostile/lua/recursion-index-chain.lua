-- A ring of __index tables.
-- expect: error
function transform(report)
	local a, b = {}, {}
	setmetatable(a, { __index = b })
	setmetatable(b, { __index = a })
	return a.x
end
