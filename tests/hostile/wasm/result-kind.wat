;; A report of a kind that there is not.
;; expect: error: discriminant
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store8 offset=32 (local.get $outcome) (i32.const 1))
(i32.store8 offset=33 (local.get $outcome) (i32.const 200))
