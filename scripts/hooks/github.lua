-- GitHub Actions: runs of workflows, their jobs and the steps of those. See docs/hooks/github.md.
-- Needs the secret "github", with which GitHub signs each delivery.

local statuses = {
	success = "success",
	neutral = "success",
	failure = "failure",
	startup_failure = "error",
	timed_out = "timeout",
	cancelled = "cancelled",
	stale = "cancelled",
	skipped = "skipped",
}

-- One segment of a dotted name.
local function segment(name)
	return (upto.cut(name, 200):gsub("%.", "_"))
end

-- The start and the end of a step, as far as they are known.
local function span(reports, base, changes, from, to, conclusion)
	if from then
		table.insert(reports, upto.copy(base, upto.copy(changes, { type = "start", time = upto.time(from) })))
	end
	if from and to then
		local ended = { type = "end", time = upto.time(to), status = statuses[conclusion] }
		table.insert(reports, upto.copy(base, upto.copy(changes, ended)))
	end
end

-- The timeline of an attempt of a run, and what all reports of it have in common.
local function timeline(event, workflow, run, attempt, head)
	local base = {
		context = upto.cut(event.repository.full_name .. " / " .. workflow, 200),
		timeline = string.format("%d-%d", run, attempt or 1),
	}
	local made = upto.copy(base, {
		type = "new",
		labels = {
			branch = head.head_branch,
			commit = head.head_sha,
			actor = event.sender and event.sender.login,
			url = string.format("%s/actions/runs/%d/attempts/%d", event.repository.html_url, run, attempt or 1),
		},
	})
	return base, { made }
end

local function workflow_run(event)
	local run = event.workflow_run
	local base, reports = timeline(event, event.workflow.name, run.id, run.run_attempt, run)
	local ended = if event.action == "completed" then run.updated_at else nil
	span(reports, base, { name = "run" }, run.run_started_at or run.created_at, ended, run.conclusion)
	return reports
end

local function workflow_job(event)
	local job = event.workflow_job
	local base, reports = timeline(event, job.workflow_name or "workflow", job.run_id, job.run_attempt, job)
	local name = segment(job.name)
	if event.action == "queued" or event.action == "waiting" then
		span(reports, base, { name = "queue." .. name }, job.created_at or job.started_at)
		return reports
	end
	span(reports, base, { name = "queue." .. name }, job.created_at, job.started_at, "success")
	local ended = if event.action == "completed" then job.completed_at else nil
	local labels = { url = job.html_url }
	span(reports, base, { name = name, host = job.runner_name, labels = labels }, job.started_at, ended, job.conclusion)
	for _, step in job.steps or {} do
		local path = string.format("%s.%02d %s", name, step.number, segment(step.name))
		span(reports, base, { name = path, host = job.runner_name }, step.started_at, step.completed_at, step.conclusion)
	end
	return reports
end

local handlers = { workflow_run = workflow_run, workflow_job = workflow_job }

function receive(request)
	local signature = request.headers["x-hub-signature-256"]
	if not signature then
		upto.refuse(401, "X-Hub-Signature-256 is missing; give the webhook a secret")
	end
	if not upto.equal(signature, "sha256=" .. upto.hmac_sha256("github", request.body)) then
		upto.refuse(401, "the signature is wrong; the webhook has another secret than upto")
	end
	if request.headers["content-type"] ~= "application/json" then
		upto.refuse(415, "choose the content type application/json for the webhook")
	end
	local handler = handlers[request.headers["x-github-event"]]
	return handler and handler(upto.json.decode(request.body))
end
