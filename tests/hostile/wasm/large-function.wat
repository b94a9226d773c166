;; A function of 30,000 additions.
;; expect: error or refused
(module
  (memory (export "memory") 64)
  (func $f (param i32) (result i32)
    local.get 0
    {{i32.const # i32.add *30000}})
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (drop (call $f (i32.const 1)))
    (unreachable)))
