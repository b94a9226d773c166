-- Returns nothing.
-- expect: dropped
function transform(report)
	return
end
