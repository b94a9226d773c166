;; An outcome of a kind that there is not.
;; expect: error: discriminant
(i32.store8 (local.get $outcome) (i32.const 9))
