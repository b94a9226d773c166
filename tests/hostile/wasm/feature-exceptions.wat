;; Exceptions.
;; expect: refused
(module
  (memory (export "memory") 64)
  (tag $t)
  (func (throw $t))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
