-- Raises and catches errors without end.
-- expect: time
function transform(report)
	while true do
		pcall(error, {})
	end
end
