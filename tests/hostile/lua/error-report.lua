-- An error that is the report.
-- expect: error
function transform(report)
	error(report)
end
