-- A table that holds another twice, forty times over: 2^40 values.
-- expect: error: than
local tree = {}
for _ = 1, 40 do
	tree = { tree, tree }
end

function transform(report)
	report.labels.text = upto.json.encode(tree)
	return report
end
