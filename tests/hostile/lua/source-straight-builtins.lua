-- Functions that Luau makes one instruction, one after another.
-- expect: time
local digits = string.rep("9", 1000000)
function transform(report)
	local t = {}
	{{t[1] = tonumber(digits) *2000}}
	return report
end
