-- utf8.char of 60,000 points.
-- expect: error or memory or kept
function transform(report)
	utf8.char(unpack(table.create(60000, 0x10ffff), 1, 60000))
	return report
end
