-- The entry point is no function.
-- expect: refused: no function
transform = setmetatable({}, { __call = function(_, report) return report end })
