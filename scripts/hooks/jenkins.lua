-- Jenkins: builds, from the JSON of the notification plugin. See docs/hooks/jenkins.md.
-- Needs the secret "jenkins", which is the parameter `token` of the endpoint's URL.

local statuses = {
	SUCCESS = "success",
	UNSTABLE = "failure",
	FAILURE = "failure",
	ABORTED = "cancelled",
	NOT_BUILT = "skipped",
}

-- `shop/main` for the URL `job/shop/job/main/`: a name alone is not unique where there are folders.
local function path(job)
	local parts = {}
	for part in (job.url or ""):gmatch("job/([^/]+)") do
		local plain = part:gsub("%%(%x%x)", function(digits)
			return string.char(tonumber(digits, 16))
		end)
		table.insert(parts, plain)
	end
	return upto.cut(if #parts > 0 then table.concat(parts, "/") else job.name, 200)
end

local function labels(build)
	local scm = build.scm or {}
	return { url = build.full_url or build.url, branch = scm.branch, commit = scm.commit }
end

function receive(request)
	if not upto.secret_equals("jenkins", request.query.token or "") then
		upto.refuse(401, "the parameter token is missing or wrong; it must be the secret \"jenkins\" of upto")
	end
	local job = upto.json.decode(request.body)
	local build = job.build
	local base = { context = path(job), timeline = "build-" .. build.number, name = "build" }
	-- The plugin gives milliseconds: when the build began for STARTED, when it ended for COMPLETED.
	local time = build.timestamp and build.timestamp * 1000
	if build.phase == "STARTED" then
		return {
			upto.copy(base, { type = "new", name = "", labels = labels(build) }),
			upto.copy(base, { type = "start", time = time }),
		}
	end
	if build.phase == "COMPLETED" then
		local reports = {
			upto.copy(base, { type = "end", time = time, status = statuses[build.status], labels = labels(build) }),
		}
		if time and build.duration and build.duration > 0 then
			table.insert(reports, 1, upto.copy(base, { type = "start", time = time - build.duration * 1000 }))
		end
		return reports
	end
	return nil -- QUEUED and FINALIZED say nothing about the time in which the build ran.
end
