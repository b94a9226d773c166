-- A report with 100,000 labels.
-- expect: output or memory or time
function transform(report)
	local labels = {}
	for i = 1, 100000 do
		labels["k" .. i] = "v"
	end
	return upto.copy(report, { labels = labels })
end
