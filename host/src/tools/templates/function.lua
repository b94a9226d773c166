-- What upto makes of each report, after it was received and before it is stored.
--
--   upto function test {name}.lua      runs the cases of {name}.cases.json in the sandbox of the server
--   upto function try {name}.lua       shows what it would make of the reports that a server received last
--   upto function deploy {name}.lua    has a server check it, keep it as a version, and run it
--
-- A report has the fields context, name, type ("start", "end", "point" or "new"), time (microseconds, or nil), host,
-- timeline, status and labels (a table of text by text).

-- The file runs once, before the first report: make tables and patterns here.
local words = { database = "db", migrations = "migrate" }

function transform(report)
	-- Nil drops a report.
	if report.host:find("^canary%-") then
		return nil
	end

	-- Database/Migrations becomes db.migrate.
	local name = report.name:lower():gsub("/", ".")
	report.name = name:gsub("%w+", words)

	-- Several reports instead of one: return { report, upto.copy(report, { name = report.name .. ".again" }) }
	-- A value of a lookup table, or nil: upto.lookup("hosts", report.host)
	-- A line for upto function logs {name}: upto.log("info", "renamed " .. report.name)
	return report
end
