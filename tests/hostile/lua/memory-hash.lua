-- A table with keys without end.
-- expect: memory or time
function transform(report)
	local t = {}
	for i = 1, math.huge do
		t["k" .. i] = i
	end
end
