;; A division by zero.
;; expect: error: divide by zero
(drop (i32.div_u (i32.const 1) (i32.const 0)))
