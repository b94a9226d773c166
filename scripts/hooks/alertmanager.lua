-- Alertmanager: a point where an alert begins and one where it is resolved. See docs/hooks/alertmanager.md.
-- Needs the secret "alertmanager", which Alertmanager sends as a bearer token.

local CONTEXT = "alerts"

-- The machine that an alert is about: `web-1` for an instance `web-1:9100` or `https://web-1/health`.
local function host(instance)
	return instance and (instance:gsub("^%w+://", ""):gsub("[/:].*$", ""))
end

local function labels(alert)
	local labels = { severity = alert.labels.severity, url = upto.cut(alert.generatorURL or "", 1000) }
	for key, text in alert.annotations or {} do
		if key == "summary" or key == "description" then
			labels[key] = upto.cut(text, 1000)
		end
	end
	return labels
end

function receive(request)
	local token = (request.headers.authorization or ""):match("^Bearer (.*)$")
	if not upto.secret_equals("alertmanager", token or "") then
		upto.refuse(401, "the bearer token is missing or wrong; it must be the secret \"alertmanager\" of upto")
	end
	local group = upto.json.decode(request.body)
	if group.version ~= "4" then
		upto.refuse(400, "this is no payload of version 4 of Alertmanager's webhook")
	end
	local reports = {}
	for _, alert in group.alerts do
		local point = {
			-- An alert may say in which process it is to be seen: the label `upto_context`.
			context = alert.labels.upto_context or CONTEXT,
			name = (alert.labels.alertname or "alert"):gsub("%.", "_") .. ".firing",
			type = "point",
			time = upto.time(alert.startsAt),
			status = if alert.labels.severity == "critical" then "error" else "failure",
			host = host(alert.labels.instance),
			labels = labels(alert),
		}
		table.insert(reports, point)
		if alert.status == "resolved" then
			local name = point.name:gsub("firing$", "resolved")
			table.insert(reports, upto.copy(point, { name = name, time = upto.time(alert.endsAt), status = "success" }))
		end
	end
	return reports
end
