-- A list with holes, of which the host takes what comes before the first.
-- expect: expanded or output
function transform(report)
	return { [1] = report, [3] = report, [100000] = report }
end
