;; Logs a line beyond the memory.
;; expect: error
(module
  (import "upto:transform/host@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "upto:transform/host@0.1.0" "lookup" (func $lookup (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $log (i32.const 1) (i32.const 4194300) (i32.const 8))
    unreachable))
