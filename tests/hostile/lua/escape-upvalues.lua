-- Changes an upvalue of the prelude through a function that it is given.
-- expect: error
function transform(report)
	upto.copy(setmetatable({}, { __iter = function() error("caught " .. typeof(upto)) end }))
end
