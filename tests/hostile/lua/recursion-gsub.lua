-- Recursion through the callback of gsub, on the stack of C.
-- expect: error: overflow
function transform(report)
	local function deep(text)
		return (text:gsub(".", deep))
	end
	deep("x")
end
