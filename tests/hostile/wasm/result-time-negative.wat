;; A time before 1970.
;; expect: output: time is
(i32.store8 (local.get $outcome) (i32.const 2))
(memory.copy (i32.add (local.get $outcome) (i32.const 8)) (local.get $report) (i32.const 72))
(i32.store8 offset=32 (local.get $outcome) (i32.const 1))
(i64.store offset=40 (local.get $outcome) (i64.const -1))
