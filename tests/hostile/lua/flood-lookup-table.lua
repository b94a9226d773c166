-- Looks up in a table with a name of 1 MB.
-- expect: error: there is no table
function transform(report)
	upto.lookup(string.rep("\255", 1000000), "x")
end
