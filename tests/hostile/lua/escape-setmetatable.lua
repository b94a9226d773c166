-- Gives a library a metatable.
-- expect: error
function transform(report)
	setmetatable(table, { __index = function() return error end })
end
