;; The initialisation of a reactor never ends.
;; expect: refused: out of time
(module
  (memory (export "memory") 64)
  (func (export "_initialize") (loop $l (br $l)))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
