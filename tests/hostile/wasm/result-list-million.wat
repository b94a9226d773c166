;; A million outcomes, beyond the memory.
;; expect: error
(module
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.store (i32.const 8) (i32.const 64))
    (i32.store (i32.const 12) (i32.const 1000000))
    (i32.const 8)))
