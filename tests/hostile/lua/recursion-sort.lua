-- Recursion through the comparison of sort.
-- expect: error: overflow
function transform(report)
	local function deep()
		table.sort({ 1, 2, 3 }, deep)
		return false
	end
	deep()
end
