-- A tail call without end.
-- expect: time or error: stack overflow
function transform(report)
	return transform(report)
end
