;; Fills beyond its memory.
;; expect: error: out of bounds
(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))
