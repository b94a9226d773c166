;; Takes handles without end.
;; expect: error
;; world: import wasi:clocks/monotonic-clock@0.2.0;
(module
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $in (param i64) (result i32)))
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (loop $l
      (drop (call $in (i64.const 0)))
      (br $l))
    unreachable))
