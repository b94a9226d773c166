;; Asks for random bytes without end.
;; expect: time
;; world: import wasi:random/random@0.2.0;
(module
  (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (loop $l
      (call $random (i64.const 4096) (i32.const 16))
      (br $l))
    unreachable))
