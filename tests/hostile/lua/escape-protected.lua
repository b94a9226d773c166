-- Reads behind __metatable.
-- expect: changed
function transform(report)
	local meta = getmetatable(report)
	report.name = type(meta)
	return report
end
