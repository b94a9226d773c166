;; 100 reports that are empty.
;; expect: output: no report
(loop $l
  (i32.store8 offset=0x200000 (local.get $n) (i32.const 1))
  (local.set $n (i32.add (local.get $n) (i32.const 96)))
  (br_if $l (i32.lt_u (local.get $n) (i32.const 9600))))
(i32.store8 (local.get $outcome) (i32.const 3))
(i32.store offset=8 (local.get $outcome) (i32.const 0x200000))
(i32.store offset=12 (local.get $outcome) (i32.const 100))
