-- An object of many members that holds itself.
-- expect: error or time: than
local wide = {}
for i = 1, 22000 do
	wide["k" .. i] = 1
end
wide[""] = wide

function transform(report)
	report.labels.text = upto.json.encode(wide)
	return report
end
