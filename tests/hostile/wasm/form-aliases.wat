;; Types that double in size 40 times.
;; expect: refused
(component
  (type $t0 (tuple u64 u64))
  {{(type (tuple # #)) *40}})
