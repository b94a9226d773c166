-- A loop to NaN, which is none.
-- expect: kept
function transform(report)
	for _ = 1, 0 / 0 do error("it ran") end
	return report
end
