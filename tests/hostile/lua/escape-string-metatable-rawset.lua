-- The same with rawset.
-- expect: error
function transform(report)
	rawset(getmetatable(""), "__index", {})
end
