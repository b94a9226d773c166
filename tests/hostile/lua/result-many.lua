-- 101 reports for one.
-- expect: output: at most 100
function transform(report)
	return table.create(101, report)
end
