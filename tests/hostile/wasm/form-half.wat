;; A component that ends in its middle.
;; expect: refused
;; given as: half
unreachable
