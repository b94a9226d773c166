;; Imports an interface that upto does not give.
;; expect: refused: it imports
;; world: import evil:spy/spy@0.1.0;
(module
  (import "evil:spy/spy@0.1.0" "spy" (func $spy))
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $spy)
    unreachable))
