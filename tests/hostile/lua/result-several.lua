-- Returns many values.
-- expect: kept
function transform(report)
	return report, unpack(table.create(5000, report))
end
