-- Labels whose keys are no text.
-- expect: output: label
function transform(report)
	report.labels = { [math.huge] = "x", [true] = "y", [report] = "z" }
	return report
end
