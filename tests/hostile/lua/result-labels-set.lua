-- Labels of the report without end.
-- expect: time or output or memory
function transform(report)
	for i = 1, math.huge do
		report.labels["k" .. i] = "v"
	end
end
