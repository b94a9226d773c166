;; Exports a module in place of a function.
;; expect: refused
(component
  (core module $m)
  (export "transform" (core module $m)))
