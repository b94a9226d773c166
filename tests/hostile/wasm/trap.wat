;; unreachable.
;; expect: error: unreachable
unreachable
