;; Looks up in a table that is not there, whose name is 3 MiB of NULs.
;; expect: error: there is no table
(module
  (import "upto:transform/host@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "upto:transform/host@0.1.0" "lookup" (func $lookup (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $lookup (i32.const 1048576) (i32.const 3145728) (i32.const 64) (i32.const 5) (i32.const 128))
    unreachable))
