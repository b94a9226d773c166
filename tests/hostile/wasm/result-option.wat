;; An option that is neither none nor some.
;; expect: error
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store8 offset=40 (local.get $outcome) (i32.const 7))
