;; Reads beyond its memory.
;; expect: error: out of bounds
(drop (i64.load offset=0xffffffff (i32.const -1)))
