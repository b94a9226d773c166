-- __tostring that asks for the text of itself.
-- expect: error: overflow
function transform(report)
	local x = setmetatable({}, { __tostring = function(self) return tostring(self) end })
	return tostring(x)
end
