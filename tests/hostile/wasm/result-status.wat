;; A status that there is not.
;; expect: error: discriminant
(i32.store8 (local.get $outcome) (i32.const 2))
(memory.copy (i32.add (local.get $outcome) (i32.const 8)) (local.get $report) (i32.const 72))
(i32.store8 offset=68 (local.get $outcome) (i32.const 1))
(i32.store8 offset=69 (local.get $outcome) (i32.const 77))
