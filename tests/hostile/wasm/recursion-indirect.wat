;; Recursion through a table.
;; expect: error: call stack
(module
  (memory (export "memory") 64)
  (table funcref (elem $deep))
  (type $f (func))
  (func $deep (call_indirect (type $f) (i32.const 0)))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $deep)
    (unreachable)))
