-- An error message of 4 MiB.
-- expect: error or memory
function transform(report)
	local text = string.rep("x", 1000000)
	error(text .. text .. text .. text)
end
