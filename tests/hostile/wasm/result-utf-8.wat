;; A name that is no UTF-8.
;; expect: error: utf-8
(i32.store8 (local.get $outcome) (i32.const 2))
(i32.store (i32.const 1024) (i32.const 0xfffefdfc))
(i32.store8 offset=20 (local.get $outcome) (i32.const 1))
(i32.store offset=24 (local.get $outcome) (i32.const 1024))
(i32.store offset=28 (local.get $outcome) (i32.const 4))
