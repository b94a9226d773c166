-- A byte order mark before the source.
-- expect: refused
{{\xef\xbb\xbf*1}}
function transform(report)
	return report
end
