-- 3,000 functions in one another.
-- expect: refused
{{local function f() *2500}}{{end *2500}}
function transform(report)
	return report
end
