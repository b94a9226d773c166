-- __index that indexes itself.
-- expect: error: overflow
function transform(report)
	local trap = setmetatable({}, {})
	getmetatable(trap).__index = function(self, key) return self[key] end
	return trap.x
end
