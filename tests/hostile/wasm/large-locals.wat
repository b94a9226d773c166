;; A million locals, of which a function may have 50,000.
;; expect: refused
(module
  (memory (export "memory") 64)
  (func (local {{i64 *1000000}}))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
