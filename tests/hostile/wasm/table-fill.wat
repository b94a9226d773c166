;; Fills a table again and again.
;; expect: time
(module
  (memory (export "memory") 64)
  (table $t 10000 funcref)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (loop $l
      (table.fill $t (i32.const 0) (ref.null func) (i32.const 10000))
      (br $l))
    (unreachable)))
