;; 2^31 labels.
;; expect: error
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store8 offset=84 (local.get $outcome) (i32.const 1))
(i32.store offset=92 (local.get $outcome) (i32.const 0x80000000))
