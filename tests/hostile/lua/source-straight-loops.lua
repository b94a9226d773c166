-- Loops that never turn, whose bounds are long texts.
-- expect: refused: operators
local digits = string.rep("9", 1000000)
function transform(report)
	{{for i=digits,0 do end *2000}}
	return report
end
