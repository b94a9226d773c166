-- concat from 1 to 2^31.
-- expect: error
function transform(report)
	return table.concat({}, ",", 1, 2 ^ 31 - 1)
end
