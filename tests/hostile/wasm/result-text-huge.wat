;; Three texts that are the same 3 MiB.
;; expect: error: fuel
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store8 offset=8 (local.get $outcome) (i32.const 1))
(i64.store offset=12 (local.get $outcome) (i64.const 0x0030000000100000))
(i32.store8 offset=20 (local.get $outcome) (i32.const 1))
(i64.store offset=24 (local.get $outcome) (i64.const 0x0030000000100000))
(i32.store8 offset=56 (local.get $outcome) (i32.const 1))
(i64.store offset=60 (local.get $outcome) (i64.const 0x0030000000100000))
