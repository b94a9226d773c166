-- A time without end.
-- expect: error: time must be
function transform(report)
	report.time = math.huge
	return report
end
