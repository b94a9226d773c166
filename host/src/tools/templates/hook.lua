-- What upto makes of each request to /hooks/{name}.
--
--   upto function test {name}.lua      runs the cases of {name}.cases.json in the sandbox of the server
--   upto function deploy {name}.lua    has a server check it, keep it as a version, and run it
--
-- A request has method, path (what follows /hooks/{name}, "/" at least), query, headers (names in lower case), body, and
-- time (of receipt, in microseconds). The secret "token" is UPTO_SECRET_TOKEN in the environment of the server, or stands
-- in its upto.toml.

function receive(request)
	-- The sender is told 401 and why.
	if not upto.secret_equals("token", request.headers["x-token"] or "") then
		upto.refuse(401, "the header X-Token is missing or wrong")
	end

	-- {"app": "shop", "version": "1.4.2", "finished": "2026-11-22T14:00:00Z"}
	local event = upto.json.decode(request.body)

	-- A report, a list of reports, or nil. With the sender's time, a request that is sent twice changes nothing.
	-- A line for upto function logs {name}: upto.log("info", "deployed " .. event.version)
	return {
		context = event.app,
		name = "deployed",
		type = "point",
		time = upto.time(event.finished),
		labels = { version = event.version },
	}
end
