-- Labels with an iterator of their own.
-- expect: kept
function transform(report)
	report.labels = setmetatable({ branch = "main" }, { __iter = function() while true do end end })
	return report
end
