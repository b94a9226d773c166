-- A byte that is no UTF-8.
-- expect: refused: is not UTF-8
--{{\xff*1}}
function transform(report)
	return report
end
