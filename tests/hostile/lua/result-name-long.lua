-- A name of 8 MB.
-- expect: output or memory
function transform(report)
	return upto.copy(report, { name = table.concat(table.create(8, string.rep("x", 1000000))) })
end
