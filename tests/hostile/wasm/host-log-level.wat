;; Logs at a level that there is not.
;; expect: error: discriminant
(module
  (import "upto:transform/host@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "upto:transform/host@0.1.0" "lookup" (func $lookup (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $log (i32.const 99) (i32.const 64) (i32.const 1))
    unreachable))
