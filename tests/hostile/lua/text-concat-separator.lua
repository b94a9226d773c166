-- concat with a long separator.
-- expect: memory
function transform(report)
	return table.concat(table.create(65536, ""), string.rep("x", 1000000))
end
