-- rep with counts that are no counts.
-- expect: error
function transform(report)
	for _, count in { -1, -math.huge, 0 / 0 } do
		assert(#string.rep("x", count) <= 1)
	end
	return string.rep("x", math.huge)
end
