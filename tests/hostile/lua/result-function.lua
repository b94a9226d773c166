-- A function is no report.
-- expect: output
function transform(report)
	return transform
end
