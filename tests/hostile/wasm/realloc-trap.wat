;; An allocator that traps.
;; expect: error: unreachable
(module
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    unreachable)
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
