-- Passes ever more values.
-- expect: error or memory or time
function transform(report)
	local function grow(...)
		return grow(1, 2, 3, 4, 5, 6, 7, 8, ...)
	end
	grow()
end
