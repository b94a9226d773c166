-- __iter that gives an iterator without end.
-- expect: time
function transform(report)
	for _ in setmetatable({}, { __iter = function() return function() return 1 end end }) do end
end
