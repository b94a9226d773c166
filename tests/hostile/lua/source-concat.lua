-- 10,000 operators in a row.
-- expect: refused: operators
local x = "a"{{.."a"*10000}}
function transform(report)
	return report
end
