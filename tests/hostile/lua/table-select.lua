-- select with places that are none.
-- expect: error
function transform(report)
	return select(-2 ^ 31, 1, 2, 3)
end
