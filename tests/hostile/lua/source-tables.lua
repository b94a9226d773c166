-- 30,000 tables in one another.
-- expect: refused: recursion
local x = {{{*30000}}{{}*30000}}
function transform(report)
	return report
end
