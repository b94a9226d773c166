-- A loop to infinity.
-- expect: time
function transform(report)
	for _ = 1, math.huge do end
end
