-- A report with metamethods that lie or never end.
-- expect: changed
function transform(report)
	local function spin()
		while true do end
	end
	local copy = upto.copy(report, { name = "new" })
	return setmetatable(copy, { __index = spin, __len = spin, __iter = spin, __eq = spin, __tostring = spin })
end
