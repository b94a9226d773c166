;; Ends the process.
;; expect: error
;; world: import wasi:cli/exit@0.2.0;
(module
  (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $exit (i32.const 1))
    unreachable))
