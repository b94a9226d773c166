-- A repeat without end, with continue.
-- expect: time
function transform(report)
	repeat continue until false
end
