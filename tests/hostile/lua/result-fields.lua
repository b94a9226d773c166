-- A report with fields that nobody knows.
-- expect: output: no others
function transform(report)
	return upto.copy(report, { auto_ip = true, id = 1, received_at = 0 })
end
