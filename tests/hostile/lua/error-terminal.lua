-- An error message that steers a terminal, with NUL and broken UTF-8.
-- expect: error
function transform(report)
	error("\27[2J\0\255\r\n")
end
