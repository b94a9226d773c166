-- 64 labels of the longest text that is taken, several times over.
-- expect: output
function transform(report)
	for i = 1, 64 do
		report.labels[i .. string.rep("k", 15000)] = string.rep("v", 15000)
	end
	return report
end
