;; References to typed functions.
;; expect: refused: function references
(module
  (memory (export "memory") 64)
  (type $f (func))
  (func (param (ref $f)) (call_ref $f (local.get 0)))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
