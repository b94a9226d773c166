-- __iter that iterates over itself.
-- expect: error: overflow
function transform(report)
	local x = setmetatable({}, { __iter = function(self) for _ in self do end end })
	for _ in x do end
end
