;; A report of a kind that there is not.
;; expect: error: discriminant
(i32.store8 (local.get $outcome) (i32.const 2))
(memory.copy (i32.add (local.get $outcome) (i32.const 8)) (local.get $report) (i32.const 72))
(i32.store8 offset=24 (local.get $outcome) (i32.const 200))
