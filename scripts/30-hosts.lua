-- Names that people know instead of addresses and cloud names: those of tables/hosts.csv, else the first part of a
-- domain name.
function transform(report)
	local host = report.host
	if host ~= "" then
		report.host = upto.lookup("hosts", host) or host:match("^(%a[%w-]*)%.") or host
	end
	return report
end
