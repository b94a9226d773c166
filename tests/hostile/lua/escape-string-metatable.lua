-- Replaces the methods of all texts.
-- expect: error
function transform(report)
	getmetatable("").__index = { lower = error }
end
