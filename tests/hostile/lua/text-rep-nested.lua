-- rep of rep of rep.
-- expect: error: more than 1 MiB
function transform(report)
	return ("x"):rep(1000):rep(1000):rep(1000)
end
