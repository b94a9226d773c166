-- Patterns that end too early.
-- expect: error: malformed
function transform(report)
	for _, pattern in { "%", "[", "[a", "[%", "%b", "%bx", "%f", "(", "(()", "%1" } do
		assert(not pcall(string.match, "text", pattern), pattern)
	end
	return ("x"):match("[")
end
