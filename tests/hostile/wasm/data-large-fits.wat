;; 3 MiB of data, which fits.
;; expect: error: unreachable
(module
  (memory (export "memory") 64)
  (data (i32.const 16) "{{0123456789abcdef*190000}}")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    unreachable))
