;; Copies 2 MiB again and again.
;; expect: time
(loop $l
  (memory.copy (i32.const 65536) (i32.const 2097152) (i32.const 2097152))
  (br $l))
