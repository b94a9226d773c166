;; 101 reports for one.
;; expect: output: at most 100
(i32.store8 (local.get $outcome) (i32.const 3))
(i32.store offset=8 (local.get $outcome) (i32.const 0x200000))
(i32.store offset=12 (local.get $outcome) (i32.const 101))
