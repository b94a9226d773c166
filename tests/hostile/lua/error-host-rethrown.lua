-- Raises an error of the host again and again, so that it wraps itself.
-- expect: error or time or memory
function transform(report)
	local _, problem = pcall(function() report.nonsense = 1 end)
	for _ = 1, 100000 do
		_, problem = pcall(error, problem)
	end
	error(problem)
end
