;; A loop without end.
;; expect: time
(loop $l (br $l))
