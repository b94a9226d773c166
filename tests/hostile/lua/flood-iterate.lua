-- Iterates over the report without end.
-- expect: time
function transform(report)
	while true do
		for _ in report do end
	end
end
