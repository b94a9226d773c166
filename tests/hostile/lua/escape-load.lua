-- Compiles text at run time.
-- expect: error
function transform(report)
	return loadstring("return 1")()
end
