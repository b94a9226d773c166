-- Asks for loops to be unrolled, so that there are more operators than the source shows.
-- expect: time
--!optimize 2
local digits = string.rep("9", 1000000)
function transform(report)
	{{for i = 1, 8 do local _ = digits + i end *250}}
	return report
end
