;; Calls beyond a table.
;; expect: error
(module
  (memory (export "memory") 64)
  (table 1 funcref)
  (type $f (func))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call_indirect (type $f) (i32.const -1))
    (unreachable)))
