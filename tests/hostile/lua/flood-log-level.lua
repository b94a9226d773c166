-- Logs at a level of 1 MB.
-- expect: error: level of upto.log
function transform(report)
	upto.log(string.rep("\255", 1000000), "x")
end
