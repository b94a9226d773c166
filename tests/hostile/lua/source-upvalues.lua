-- More upvalues than a function may have.
-- expect: refused: upvalue
{{local a# = {} *150}}
function transform(report)
	{{local b# = {} *100}}
	return function() return { {{a#,*150}}{{b#,*100}} } end
end
