-- A member that is there again and again costs no memory.
-- expect: error: than
local text = "{" .. string.rep('"a":1,', 170000) .. '"a":1}'

function transform(report)
	upto.json.decode(text)
	return report
end
