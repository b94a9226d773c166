;; The clean-up after a call traps.
;; expect: error: unreachable
(module
  (memory (export "memory") 64)
  (func (export "cabi_post_transform") (param i32)
    unreachable)
  (data (i32.const 8) "\00\01\00\00\00\00\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.store (i32.const 12) (i32.load offset=84 (local.get $batch)))
    (i32.const 8)))
