-- A generic loop over an iterator that never ends.
-- expect: time
function transform(report)
	for _ in function() return 1 end do end
end
