-- A NUL within a comment.
-- expect: refused: bytecode or binary
--{{\x00*1}}
function transform(report)
	return report
end
