-- Splits a text into a million pieces.
-- expect: memory or kept or error or time
function transform(report)
	string.rep("x,", 500000):split(",")
	return report
end
