-- pcall within pcall until the stack of C ends.
-- expect: time or error
function transform(report)
	local function deep()
		pcall(deep)
		while true do end
	end
	deep()
end
