;; Waits for an hour.
;; expect: error: can't wait
;; world: import wasi:io/poll@0.2.0; import wasi:clocks/monotonic-clock@0.2.0;
(module
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $in (param i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $block (call $in (i64.const 3600000000000)))
    unreachable))
