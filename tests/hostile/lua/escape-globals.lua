-- Writes a global for the next report.
-- expect: error: readonly
function transform(report)
	leak = report.name
	return report
end
