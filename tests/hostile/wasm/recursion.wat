;; Recursion without end.
;; expect: error: call stack
(call $recurse)
