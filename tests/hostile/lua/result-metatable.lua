-- An empty table whose fields are made when they are read; the host does not ask its metatable.
-- expect: dropped
function transform(report)
	return setmetatable({}, { __index = function() while true do end end, __len = function() return 2 ^ 31 end })
end
