-- A type with 4,000 parameters in one another.
-- expect: refused
type T = {{A<*4000}}number{{>*4000}}
function transform(report)
	return report
end
