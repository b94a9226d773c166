;; Calls without end, through a table.
;; expect: time
(loop $l
  (call $alloc (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
  (drop)
  (br $l))
