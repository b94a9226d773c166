;; Recursion with large frames.
;; expect: error: call stack
(module
  (memory (export "memory") 64)
  (func $deep (param i64) (result i64)
    (local {{i64 *500}})
    (i64.add (call $deep (i64.add (local.get 0) (i64.const 1))) (local.get 0)))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (drop (call $deep (i64.const 0)))
    (unreachable)))
