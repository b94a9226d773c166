-- A name with a NUL.
-- expect: output or changed
function transform(report)
	return upto.copy(report, { name = "a\0b" })
end
