-- Dear operators one after another, where no loop and no call lets the host in.
-- expect: refused: operators
local digits = string.rep("9", 1000000)
function transform(report)
	local t = { {{digits+1,*5000}} }
	return report
end
