-- concat of 65,536 references to a text of 1 MB.
-- expect: memory
function transform(report)
	return table.concat(table.create(65536, string.rep("x", 1000000)))
end
