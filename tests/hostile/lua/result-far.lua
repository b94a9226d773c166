-- A list that starts at 2^30.
-- expect: output
function transform(report)
	return { [2 ^ 30] = report }
end
