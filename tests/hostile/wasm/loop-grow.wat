;; Asks for memory that it does not get, without end.
;; expect: time
(loop $l
  (drop (memory.grow (i32.const 60000)))
  (br $l))
