-- An error that is a table whose __tostring never ends.
-- expect: error or time
function transform(report)
	error(setmetatable({}, { __tostring = function() while true do end end }))
end
