-- A type that nests 5,000 deep.
-- expect: refused or kept
type T = {{{*5000}}number{{}*5000}}
function transform(report)
	return report
end
