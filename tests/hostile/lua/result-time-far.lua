-- A time of 2^53.
-- expect: changed or output
function transform(report)
	return upto.copy(report, { time = 2 ^ 53 })
end
