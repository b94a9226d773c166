;; 30,000 reports for one.
;; expect: output or error
(i32.store8 (local.get $outcome) (i32.const 3))
(i32.store offset=8 (local.get $outcome) (i32.const 0x100000))
(i32.store offset=12 (local.get $outcome) (i32.const 30000))
