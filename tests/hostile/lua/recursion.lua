-- Recursion without end.
-- expect: error: stack overflow
function transform(report)
	return 1 + transform(report)
end
