-- Texts within texts, 3,000 deep.
-- expect: refused
local x = {{`{*3000}}1{{}`*3000}}
function transform(report)
	return report
end
