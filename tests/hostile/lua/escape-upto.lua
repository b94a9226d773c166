-- Replaces upto.lookup.
-- expect: error: readonly
function transform(report)
	rawset(upto, "lookup", function() return "evil" end)
end
