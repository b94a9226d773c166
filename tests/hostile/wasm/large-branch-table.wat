;; A branch table of 50,000 ways.
;; expect: error or refused
(module
  (memory (export "memory") 64)
  (func $f (param i32) (block (br_table {{0 *50000}}0 (local.get 0))))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $f (i32.const 7))
    (unreachable)))
