-- Writes to the error value of the host.
-- expect: error
function transform(report)
	local _, problem = pcall(function() report.nonsense = 1 end)
	problem.message = "evil"
end
