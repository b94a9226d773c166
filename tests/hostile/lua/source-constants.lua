-- 9,000 constants.
-- expect: kept or refused
local t = { {{"#",*7000}} }
function transform(report)
	return report
end
