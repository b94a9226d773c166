;; A time before 1970.
;; expect: output: time is
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store8 offset=40 (local.get $outcome) (i32.const 1))
(i64.store offset=48 (local.get $outcome) (i64.const -1))
