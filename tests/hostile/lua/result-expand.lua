-- 100 reports for one, each time.
-- expect: expanded or output
function transform(report)
	return table.create(100, report)
end
