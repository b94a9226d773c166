;; 1,000 loops in one another.
;; expect: error or refused
(module
  (memory (export "memory") 64)
  (func $f
    {{loop *1000}}
    {{end *1000}})
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $f)
    (unreachable)))
