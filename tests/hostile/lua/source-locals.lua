-- 3,000 locals, of which a function may have 200.
-- expect: refused: local
{{local a# = 0 *3000}}
print({{a#,*3000}}1)
function transform(report)
	return report
end
