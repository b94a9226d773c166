-- One spelling for names that come from several tools: lower case, dots between segments, and one word for one thing.
local words = { database = "db", migration = "migrate", migrations = "migrate" }

function transform(report)
	local name = report.name:lower():gsub("[/:]+", "."):gsub("%s+", "-")
	report.name = name:gsub("[^.]+", words)
	return report
end
