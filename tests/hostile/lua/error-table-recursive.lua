-- An error that is a table whose __tostring raises another such.
-- expect: error
function transform(report)
	local meta = {}
	meta.__tostring = function() error(setmetatable({}, meta)) end
	error(setmetatable({}, meta))
end
