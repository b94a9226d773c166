;; 50,000 labels, all empty.
;; expect: output or error
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store8 offset=84 (local.get $outcome) (i32.const 1))
(i64.store offset=88 (local.get $outcome) (i64.const 0x0000c35000100000))
