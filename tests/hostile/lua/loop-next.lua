-- A loop over a table that feeds itself.
-- expect: time or memory or error
function transform(report)
	local list = { 1 }
	for at, value in list do
		list[#list + 1] = value
	end
	return report
end
