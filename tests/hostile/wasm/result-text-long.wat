;; A name of 2^31 bytes.
;; expect: error
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store8 offset=20 (local.get $outcome) (i32.const 1))
(i32.store offset=24 (local.get $outcome) (local.get $name))
(i32.store offset=28 (local.get $outcome) (i32.const 0x80000000))
