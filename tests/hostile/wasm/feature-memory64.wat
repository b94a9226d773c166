;; A memory with 64-bit addresses.
;; expect: refused
(module
  (memory i64 1)
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
