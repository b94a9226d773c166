-- Drops what nobody wants to see: reports of canary hosts, and the health checks that a deployment makes by the hundred.
function transform(report)
	if report.host:find("^canary%-") or report.name:find("%.healthcheck$") then
		return nil
	end
	return report
end
