;; One outcome too few.
;; expect: output: outcomes for
(global.set $missing (i32.const 1))
