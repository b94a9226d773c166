;; 50,000 globals.
;; expect: error or kept or refused
(module
  (memory (export "memory") 64)
  {{(global (mut i64) (i64.const #)) *50000}}
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    unreachable))
