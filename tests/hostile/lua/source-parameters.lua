-- A function with 5,000 parameters.
-- expect: refused
local function f({{a#,*5000}}b) end
function transform(report)
	return report
end
