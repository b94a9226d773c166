;; One outcome too many.
;; expect: output or error
(global.set $missing (i32.const -1))
