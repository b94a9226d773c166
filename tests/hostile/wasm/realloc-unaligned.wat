;; An allocator that gives odd addresses.
;; expect: error: align
(module
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65537))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
