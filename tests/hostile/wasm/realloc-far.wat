;; An allocator that gives addresses beyond the memory.
;; expect: error
(module
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const -8))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
