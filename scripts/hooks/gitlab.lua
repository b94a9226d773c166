-- GitLab: pipelines and their jobs, from the hooks "Pipeline events" and "Job events". See docs/hooks/gitlab.md.
-- Needs the secret "gitlab", which is the hook's secret token.

local statuses = {
	success = "success",
	failed = "failure",
	canceled = "cancelled",
	skipped = "skipped",
}
-- Reasons of a failure that say more than that.
local reasons = {
	job_execution_timeout = "timeout",
	stuck_or_timeout_failure = "timeout",
	runner_system_failure = "error",
	scheduler_failure = "error",
	api_failure = "error",
}

-- One segment of a dotted name.
local function segment(name)
	return (upto.cut(name, 200):gsub("%.", "_"))
end

-- Microseconds of a time. GitLab writes "2016-08-12 15:23:28 UTC", "2016-08-12 15:23:28 +0200" or RFC 3339.
local function time(text)
	if text then
		text = text:gsub(" UTC$", "Z"):gsub(" ([+-]%d%d):?(%d%d)$", "%1:%2"):gsub(" ", "T", 1)
	end
	return upto.time(text)
end

local function span(reports, base, changes, from, to, status)
	if from then
		table.insert(reports, upto.copy(base, upto.copy(changes, { type = "start", time = from })))
	end
	if from and to and statuses[status] then
		local ended = { type = "end", time = to, status = statuses[status] }
		table.insert(reports, upto.copy(base, upto.copy(changes, ended)))
	end
end

local function job(reports, base, given)
	local labels = { url = string.format("%s/-/jobs/%d", given.project, given.id), reason = given.reason }
	if given.status ~= "failed" then
		labels.reason = nil
	end
	local changes = {
		name = segment(given.stage) .. "." .. segment(given.name),
		host = given.runner and given.runner.description,
		labels = labels,
	}
	span(reports, base, changes, given.started, given.finished, given.status)
	local last = reports[#reports]
	if given.status == "failed" and last and last.type == "end" then
		last.status = reasons[given.reason] or last.status
	end
end

local function timeline(project, pipeline, ref, sha, user, url)
	local base = { context = upto.cut(project.path_with_namespace, 200), timeline = string.format("pipeline-%d", pipeline) }
	local labels = { branch = ref, commit = sha, actor = user and user.username, url = url }
	return base, { upto.copy(base, { type = "new", labels = labels }) }
end

local function pipeline_url(project, pipeline)
	return string.format("%s/-/pipelines/%d", project.web_url, pipeline)
end

local function pipeline(event)
	local about, project = event.object_attributes, event.project
	local url = pipeline_url(project, about.id)
	local base, reports = timeline(project, about.id, about.ref, about.sha, event.user, url)
	span(reports, base, { name = "pipeline" }, time(about.created_at), time(about.finished_at), about.status)
	for _, build in event.builds or {} do
		job(reports, base, {
			project = project.web_url,
			id = build.id,
			stage = build.stage,
			name = build.name,
			status = build.status,
			reason = build.failure_reason,
			runner = build.runner,
			started = time(build.started_at),
			finished = time(build.finished_at),
		})
	end
	return reports
end

local function build(event)
	local project = event.project
	local url = pipeline_url(project, event.pipeline_id)
	local base, reports = timeline(project, event.pipeline_id, event.ref, event.sha, event.user, url)
	job(reports, base, {
		project = project.web_url,
		id = event.build_id,
		stage = event.build_stage,
		name = event.build_name,
		status = event.build_status,
		reason = event.build_failure_reason,
		runner = event.runner,
		started = time(event.build_started_at_iso or event.build_started_at),
		finished = time(event.build_finished_at_iso or event.build_finished_at),
	})
	return reports
end

local handlers = { pipeline = pipeline, build = build }

function receive(request)
	if not upto.secret_equals("gitlab", request.headers["x-gitlab-token"] or "") then
		upto.refuse(401, "X-Gitlab-Token is missing or wrong; it must be the secret \"gitlab\" of upto")
	end
	local event = upto.json.decode(request.body)
	local handler = handlers[event.object_kind]
	return handler and handler(event)
end
