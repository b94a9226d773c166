-- Keeps something of each report in an upvalue.
-- expect: error or kept or memory or time
local kept = {}

function transform(report)
	kept[#kept + 1] = string.rep("x", 1000000) .. #kept
	return report
end
