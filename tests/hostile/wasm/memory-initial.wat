;; A memory that is larger than the budget from the start.
;; expect: refused: 16 MiB
(module
  (memory (export "memory") 257)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
