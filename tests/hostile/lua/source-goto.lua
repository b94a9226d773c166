-- A loop by goto, which Luau has not.
-- expect: refused
::again::
goto again
function transform(report)
	return report
end
