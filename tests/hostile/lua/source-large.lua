-- More than 64 KiB of source.
-- expect: refused: at most 65536
--{{x*65536}}
function transform(report)
	return report
end
