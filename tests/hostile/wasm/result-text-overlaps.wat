;; Context, name and host that are the same bytes, some of them three times.
;; expect: output or error or changed
(i32.store8 (local.get $outcome) (i32.const 2))
(i64.store (i32.const 1024) (i64.const 0x6161616161616161))
(i32.store8 offset=8 (local.get $outcome) (i32.const 1))
(i32.store offset=12 (local.get $outcome) (i32.add (i32.const 1024) (i32.const 0)))
(i32.store offset=16 (local.get $outcome) (i32.const 8))
(i32.store8 offset=20 (local.get $outcome) (i32.const 1))
(i32.store offset=24 (local.get $outcome) (i32.add (i32.const 1024) (i32.const 1)))
(i32.store offset=28 (local.get $outcome) (i32.const 7))
(i32.store8 offset=56 (local.get $outcome) (i32.const 1))
(i32.store offset=60 (local.get $outcome) (i32.add (i32.const 1024) (i32.const 2)))
(i32.store offset=64 (local.get $outcome) (i32.const 6))
