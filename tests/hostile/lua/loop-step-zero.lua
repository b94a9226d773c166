-- A loop whose step is 0; in Luau it is none.
-- expect: kept
function transform(report)
	for _ = 1, 2, 0 do end
	return report
end
