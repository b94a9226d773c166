-- The entry point is no function.
-- expect: refused: neither a function
transform = setmetatable({}, { __call = function(_, report) return report end })
