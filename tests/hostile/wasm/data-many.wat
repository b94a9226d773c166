;; 90,000 pieces of data.
;; expect: error: unreachable
(module
  (memory (export "memory") 64)
  {{(data (i32.const #) "x") *90000}}
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    unreachable))
