;; 50,000 locals.
;; expect: error: call stack
(module
  (memory (export "memory") 64)
  (func $f (local {{i64 *49000}}) (call $f))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $f)
    (unreachable)))
