;; An allocator that takes a fresh MiB each time.
;; expect: memory or error
(module
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.mul (memory.grow (i32.const 16)) (i32.const 65536)))
  (func (export "transform") (param $batch i32) (result i32)
    unreachable))
