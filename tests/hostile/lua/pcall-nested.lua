-- pcall of pcall of pcall, 150 deep, around a loop.
-- expect: time
function transform(report)
	local args = table.create(150, pcall)
	args[#args + 1] = function()
		while true do end
	end
	while true do
		pcall(unpack(args))
	end
end
