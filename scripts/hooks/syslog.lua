-- Syslog lines of RFC 5424. See docs/hooks/syslog.md.
-- A line with the structured data `upto` reports a step: [upto@32473 context="deploy" name="db.migrate" type="start"].
-- Any other line is a point in the context "syslog".

local CONTEXT = "syslog"

local facilities = ("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock "
	.. "local0 local1 local2 local3 local4 local5 local6 local7"):split(" ")
local severities = ("emergency alert critical error warning notice info debug"):split(" ")

-- "-" is syslog's nil.
local function given(text)
	return if text ~= "-" then text else nil
end

-- The structured data at the begin of `text`, by element and parameter, and what follows it.
local function structured(text)
	local elements = {}
	if text:sub(1, 1) == "-" then
		return elements, text:sub(3)
	end
	while text:sub(1, 1) == "[" do
		local id, rest = text:match("^%[([^%s%]=\"]+)(.*)$")
		if not id then
			return nil
		end
		-- The number of an enterprise after the @ tells namesakes apart; nobody reads it.
		local element = {}
		elements[id:match("^[^@]+") or id] = element
		while true do
			local key, after = rest:match("^ +([^%s%]=\"]+)=\"(.*)$")
			if not key then
				break
			end
			local value = {}
			local at = 1
			while after:sub(at, at) ~= "\"" do
				if at > #after then
					return nil
				end
				if after:sub(at, at) == "\\" and after:sub(at + 1, at + 1):find("[\"\\%]]") then
					at += 1
				end
				table.insert(value, after:sub(at, at))
				at += 1
			end
			element[key] = table.concat(value)
			rest = after:sub(at + 1)
		end
		if rest:sub(1, 1) ~= "]" then
			return nil
		end
		text = rest:sub(2)
	end
	return elements, text:sub(2)
end

function receive(request)
	local priority, stamp, host, app, process, id, rest =
		request.body:match("^<(%d%d?%d?)>1 (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$")
	local elements, message
	if priority then
		elements, message = structured(rest)
	end
	if not elements then
		upto.refuse(400, "this is no syslog message of RFC 5424")
	end
	local severity = tonumber(priority) % 8
	local report = {
		context = CONTEXT,
		-- One name for one kind of message, so that the chart has a row for each.
		name = (given(app) or "syslog"):gsub("%.", "_") .. (if given(id) then "." .. id else ""),
		type = "point",
		time = upto.time(given(stamp)),
		status = if severity <= 3 then "error" else nil,
		host = given(host),
		labels = { severity = severities[severity + 1], facility = facilities[tonumber(priority) // 8 + 1], process = given(process) },
	}
	-- UTF-8 text begins with a mark of three bytes. A label has at most 1,000.
	message = message:gsub("^\239\187\191", ""):gsub("%s+$", "")
	if message ~= "" then
		report.labels.message = upto.cut(message, 1000)
	end
	local step = elements.upto
	elements.upto, elements.timeQuality = nil, nil
	for element, parameters in elements do
		for key, value in parameters do
			report.labels[element .. "." .. key] = value
		end
	end
	if step then
		report.context = step.context or report.context
		report.name = step.name or report.name
		report.type = step.type or report.type
		report.timeline = step.timeline
		report.host = step.host or report.host
		report.status = step.status
	end
	return report
end
