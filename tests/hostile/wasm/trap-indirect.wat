;; Calls a function of another type through a table.
;; expect: error: indirect call
(module
  (memory (export "memory") 64)
  (table funcref (elem $f))
  (type $other (func (result i64)))
  (func $f)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (drop (call_indirect (type $other) (i32.const 0)))
    (unreachable)))
