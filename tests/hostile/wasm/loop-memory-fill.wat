;; Fills 4 MiB again and again: one instruction that runs for long.
;; expect: time
(loop $l
  (memory.fill (i32.const 65536) (i32.const 1) (i32.const 4128768))
  (br $l))
