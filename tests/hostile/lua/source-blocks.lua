-- 5,000 blocks in one another.
-- expect: refused: recursion
{{do *5000}}{{end *5000}}
function transform(report)
	return report
end
