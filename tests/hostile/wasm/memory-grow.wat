;; Grows its memory until it gets no more, and traps.
;; expect: memory
(loop $l
  (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
  (br $l))
