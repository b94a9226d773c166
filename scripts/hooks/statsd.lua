-- StatsD timers: each is a step that has just ended. See docs/hooks/statsd.md.
-- `deploy.copy:320|ms|@0.5|#context:shop,host:web-1,branch:main`. Counters, gauges and sets are left out.

local CONTEXT = "statsd"
-- Tags that say where the step belongs; the others become labels.
local places = { context = true, timeline = true, host = true }

local function tags(text)
	local found, labels = {}, {}
	for _, tag in text:split(",") do
		local key, value = tag:match("^([^:]+):(.*)$")
		if key and places[key] then
			found[key] = value
		elseif key then
			labels[key] = value
		end
	end
	return found, labels
end

local function timer(reports, line, request)
	local name, values, rest = line:match("^([^:|]+):([^|]+)|ms(.*)$")
	if not name then
		return
	end
	local found, labels = tags(rest:match("|#([^|]*)") or "")
	labels.sample_rate = rest:match("|@([%d.]+)")
	local base = {
		context = found.context or CONTEXT,
		timeline = found.timeline,
		name = name,
		host = found.host or request.headers.source,
		labels = labels,
	}
	for value in values:gmatch("[^:]+") do
		local milliseconds = tonumber(value)
		if milliseconds and milliseconds >= 0 then
			table.insert(reports, upto.copy(base, { type = "start", time = request.time - milliseconds * 1000 }))
			table.insert(reports, upto.copy(base, { type = "end", time = request.time }))
		end
	end
end

function receive(request)
	local reports = {}
	for _, line in request.body:split("\n") do
		timer(reports, line, request)
	end
	return reports
end
