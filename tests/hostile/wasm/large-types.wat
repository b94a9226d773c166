;; 20,000 types.
;; expect: error or refused
(module
  (memory (export "memory") 64)
  {{(type (func (param i32 i64) (result f64))) *20000}}
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    unreachable))
