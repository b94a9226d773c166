-- Clears a library.
-- expect: error: readonly
function transform(report)
	table.clear(string)
end
