-- A time that is NaN.
-- expect: output: time must be
function transform(report)
	return upto.copy(report, { time = 0 / 0 })
end
