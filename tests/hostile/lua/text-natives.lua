-- Long texts that are no UTF-8, for the host's own functions.
-- expect: error
local text = string.rep("\xff", 2 ^ 20)
text = text .. text .. text .. text

function transform(report)
	upto.cut(text, 100)
	upto.log("debug", text)
	upto.equal(text, text)
	upto.lookup(text, "x")
	return report
end
