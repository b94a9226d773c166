;; Fails with a message of 3 MiB of NULs.
;; expect: error
(i32.store8 (local.get $outcome) (i32.const 4))
(i64.store offset=8 (local.get $outcome) (i64.const 0x0030000000100000))
