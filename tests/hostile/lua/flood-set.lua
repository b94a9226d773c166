-- Sets a field of the report without end.
-- expect: time
function transform(report)
	while true do
		report.name = report.name .. "x"
		report.name = "x"
	end
end
