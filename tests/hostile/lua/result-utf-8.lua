-- A name that is no UTF-8.
-- expect: output: UTF-8
function transform(report)
	return upto.copy(report, { name = "\255\254" })
end
