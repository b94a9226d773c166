;; Exports an instance in place of a function.
;; expect: refused
(component
  (instance $i)
  (export "transform" (instance $i)))
