-- 3,000 branches.
-- expect: refused or kept
if x then
{{elseif x then *3000}}
end
function transform(report)
	return report
end
