;; A memory shared between threads, which no limit counts.
;; expect: refused
(module
  (memory (export "memory") 1 1 shared)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
