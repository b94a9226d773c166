-- Coroutines, which could leave a call half done.
-- expect: error
function transform(report)
	coroutine.wrap(function() coroutine.yield() end)()
end
