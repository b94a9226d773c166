-- Asks for machine code and for no checks.
-- expect: kept
--!native
--!optimize 2
--!nocheck
function transform(report)
	return report
end
