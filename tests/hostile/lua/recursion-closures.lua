-- Closures that hold closures, 200,000 deep, for the collector to walk.
-- expect: kept or time or memory
function transform(report)
	local f = function() end
	for _ = 1, 200000 do
		local g = f
		f = function() return g end
	end
	return report
end
