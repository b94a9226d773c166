-- %b that never closes, at each place.
-- expect: time
function transform(report)
	string.rep("(", 1000000):find("%b()")
	return report
end
