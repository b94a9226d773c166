;; A name of 2 MiB.
;; expect: output: 
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store8 offset=20 (local.get $outcome) (i32.const 1))
(i64.store offset=24 (local.get $outcome) (i64.const 0x0020000000100000))
