;; A status that there is not.
;; expect: error: discriminant
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store8 offset=80 (local.get $outcome) (i32.const 1))
(i32.store8 offset=81 (local.get $outcome) (i32.const 77))
