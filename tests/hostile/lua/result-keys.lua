-- A list with keys that are no places.
-- expect: expanded or output or changed
function transform(report)
	return { [1] = report, [-1] = report, [0.5] = report, evil = report }
end
