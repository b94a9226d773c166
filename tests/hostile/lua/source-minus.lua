-- 30,000 signs.
-- expect: refused: operators
local x = {{- *30000}}1
function transform(report)
	return report
end
