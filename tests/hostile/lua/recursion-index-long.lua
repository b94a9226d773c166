-- A chain of 100,000 __index tables.
-- expect: error or time or memory
function transform(report)
	local t = {}
	for _ = 1, 100000 do
		t = setmetatable({}, { __index = t })
	end
	return t.x
end
