-- Gives the report another metatable.
-- expect: error
function transform(report)
	setmetatable(report, {})
end
