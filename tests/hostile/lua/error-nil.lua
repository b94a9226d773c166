-- An error that is nothing.
-- expect: error
function transform(report)
	error(nil)
end
