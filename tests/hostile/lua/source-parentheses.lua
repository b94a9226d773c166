-- 30,000 parentheses: the recursion of the compiler.
-- expect: refused: recursion
local x = {{(*30000}}1{{)*30000}}
function transform(report)
	return report
end
