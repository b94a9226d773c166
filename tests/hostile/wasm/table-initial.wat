;; A table of ten million functions from the start.
;; expect: refused: limit of 10000
(module
  (memory (export "memory") 64)
  (table 10000000 funcref)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
