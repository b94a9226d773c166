-- A long comment that does not end.
-- expect: refused
--[==[ {{[[*20000}}
function transform(report)
	return report
end
