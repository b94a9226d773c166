;; A start function that recurses without end.
;; expect: refused: call stack
(module
  (memory (export "memory") 64)
  (func $start (call $start))
  (start $start)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
