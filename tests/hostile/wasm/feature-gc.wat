;; Structures with a collector.
;; expect: refused
(module
  (memory (export "memory") 64)
  (type $s (struct (field (mut i64))))
  (func $make (result (ref $s)) (struct.new $s (i64.const 1)))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (i32.const 8)))
