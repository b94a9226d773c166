-- Overflows the stack, and does so again while it cleans up.
-- expect: error or time
function transform(report)
	local function deep()
		local ok = pcall(deep)
		if not ok then deep() end
		return deep() + 1
	end
	deep()
end
