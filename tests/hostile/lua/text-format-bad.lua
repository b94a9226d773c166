-- format with conversions that do not exist.
-- expect: error
function transform(report)
	return string.format("%n%p%*", 1, 2, 3)
end
