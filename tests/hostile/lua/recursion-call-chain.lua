-- A long chain of __call.
-- expect: error or time or memory
function transform(report)
	local f = function() end
	for _ = 1, 100000 do
		f = setmetatable({}, { __call = f })
	end
	f()
end
