;; An option that is neither none nor some.
;; expect: error
(i32.store8 (local.get $outcome) (i32.const 2))
(memory.copy (i32.add (local.get $outcome) (i32.const 8)) (local.get $report) (i32.const 72))
(i32.store8 offset=32 (local.get $outcome) (i32.const 7))
