;; Asks for the folders that it may open; there are none.
;; expect: kept
;; world: import wasi:filesystem/preopens@0.2.0;
(module
  (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $folders (param i32)))
  (memory (export "memory") 64)
  (data (i32.const 8) "\20\00\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $folders (i32.const 16))
    (if (i32.load (i32.const 20)) (then unreachable))
    (i32.store (i32.const 12) (i32.load offset=84 (local.get $batch)))
    (i32.const 8)))
