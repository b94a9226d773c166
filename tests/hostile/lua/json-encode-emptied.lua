-- Tables whose elements were taken out, which takes time to see, in a list of them.
-- expect: error or time
local emptied = {}
for i = 1, 20000 do
	emptied["k" .. i] = 1
end
for i = 1, 20000 do
	emptied["k" .. i] = nil
end
local list = table.create(15000, emptied)

function transform(report)
	report.labels.text = upto.json.encode(list)
	return report
end
