;; A component that exports nothing.
;; expect: refused: transform
(component)
