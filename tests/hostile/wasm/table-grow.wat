;; Grows a table of functions without end.
;; expect: memory
(module
  (memory (export "memory") 64)
  (table $t 1 funcref)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (loop $l
      (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))
      (br $l))
    (unreachable)))
