;; 20,000 labels that are the same label.
;; expect: output: it has 20000 labels
(i32.store8 (local.get $outcome) (i32.const 2))
(loop $l
  (i64.store offset=0x100000 (local.get $n) (i64.const 0x0000000100000010))
  (local.set $n (i32.add (local.get $n) (i32.const 8)))
  (br_if $l (i32.lt_u (local.get $n) (i32.const 320000))))
(i32.store8 offset=84 (local.get $outcome) (i32.const 1))
(i64.store offset=88 (local.get $outcome) (i64.const 0x00004e2000100000))
