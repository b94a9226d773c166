-- A line for the shell inside the source.
-- expect: refused
#!/bin/sh

function transform(report)
	return report
end
