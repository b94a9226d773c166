-- __add, __concat, __eq, __lt, __len and __call that call themselves.
-- expect: error: overflow
function transform(report)
	local meta = {}
	local x, y = setmetatable({}, meta), setmetatable({}, meta)
	meta.__add = function(a, b) return a .. b end
	meta.__concat = function(a, b) return a == b end
	meta.__eq = function(a, b) return a < b end
	meta.__lt = function(a) return #a end
	meta.__len = function(a) return a() end
	meta.__call = function(a) return x + y end
	return x + y
end
