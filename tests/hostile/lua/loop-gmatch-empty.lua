-- gmatch of empty matches over a long text, again and again.
-- expect: time
function transform(report)
	local text = string.rep("x", 1000000)
	while true do
		for _ in text:gmatch("") do end
	end
end
