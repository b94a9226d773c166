;; An infinity as an integer.
;; expect: error
(drop (i32.trunc_f64_u (f64.const inf)))
