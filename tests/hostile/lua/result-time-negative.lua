-- A time before 1970.
-- expect: error: time must be
function transform(report)
	report.time = -1
	return report
end
