-- A number is no report.
-- expect: output: not a number
function transform(report)
	return 42
end
