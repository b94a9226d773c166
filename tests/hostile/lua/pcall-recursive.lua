-- pcall(pcall, pcall, …) that doubles at each level.
-- expect: time or error or kept
function transform(report)
	local function double()
		pcall(double)
		pcall(double)
	end
	double()
	return report
end
