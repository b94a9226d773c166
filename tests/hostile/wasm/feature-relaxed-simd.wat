;; Instructions whose result depends on the machine.
;; expect: refused
(module
  (memory (export "memory") 64)
  (func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
