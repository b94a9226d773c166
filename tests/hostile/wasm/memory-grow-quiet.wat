;; Takes all the memory that it gets and touches each page.
;; expect: kept
(loop $l
  (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
(memory.fill (i32.const 65536) (i32.const 1) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))
(memory.fill (local.get $outcome) (i32.const 0) (i32.const 104))
