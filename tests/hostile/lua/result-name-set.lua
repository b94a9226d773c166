-- A name of 1 MB, set on the report.
-- expect: error
function transform(report)
	report.name = string.rep("x", 1000000)
	return report
end
