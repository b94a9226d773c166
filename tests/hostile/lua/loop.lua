-- A loop without end.
-- expect: time
function transform(report)
	while true do end
end
