-- format with a width of 99,999,999.
-- expect: error: invalid format
function transform(report)
	return string.format("%99999999d", 1)
end
