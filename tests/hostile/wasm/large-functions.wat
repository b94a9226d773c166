;; 10,001 functions.
;; expect: error or refused
(module
  (memory (export "memory") 64)
  {{(func) *10001}}
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    unreachable))
