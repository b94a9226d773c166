;; No report for one: it is dropped.
;; expect: dropped
(i32.store8 (local.get $outcome) (i32.const 3))
(i32.store offset=8 (local.get $outcome) (i32.const 0x200000))
