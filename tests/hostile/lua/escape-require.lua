-- Reads a file through require.
-- expect: error
function transform(report)
	return require("/etc/passwd")
end
