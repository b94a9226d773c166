;; Memories that are each within the budget, and over it together.
;; expect: refused: 16 MiB
(module
  (memory (export "memory") 96)
  (memory 96)
  (memory 96)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $reports i32) (param $count i32) (result i32)
    (i32.const 8)))
