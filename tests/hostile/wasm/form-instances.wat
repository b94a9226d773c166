;; 2,000 instances of a module with the largest memory that one may have.
;; expect: refused
(component
  (core module $m (memory 250))
  {{(core instance (instantiate $m)) *2000}})
