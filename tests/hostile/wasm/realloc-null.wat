;; An allocator that gives the address 0.
;; expect: error or output or kept or dropped
(module
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
