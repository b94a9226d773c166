-- Replaces a function of a library.
-- expect: error: readonly
function transform(report)
	string.lower = nil
end
