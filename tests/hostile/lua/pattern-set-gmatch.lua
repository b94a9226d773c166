-- The same in gmatch.
-- expect: error: too long
function transform(report)
	for _ in string.rep("a", 1000000):gmatch("[" .. string.rep("b", 500000) .. "a]*c") do end
end
