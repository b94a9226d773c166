-- Adds what can be told from the report itself: the role of the host as a label, and a point for each failed migration,
-- so that it stands out on the chart of the whole fleet.
local roles = { web = "frontend", db = "database", ci = "build" }

function transform(report)
	local role = roles[report.host:match("^(%a+)%-%d+$") or ""]
	if role and not report.labels.role then
		report.labels.role = role
	end
	if report.type == "end" and report.status == "failure" and report.name:find("migrate", 1, true) then
		local mark = upto.copy(report, { context = "incidents", name = report.context .. ".migration-failed", type = "point" })
		mark.timeline = nil
		return { report, mark }
	end
	return report
end
