-- A report of no type.
-- expect: output
function transform(report)
	return upto.copy(report, { type = string.rep("start", 1000) })
end
