;; Opens a socket for each address family and binds nothing.
;; expect: error
;; world: import wasi:sockets/instance-network@0.2.0; import wasi:sockets/tcp-create-socket@0.2.0;
(module
  (import "wasi:sockets/instance-network@0.2.0" "instance-network" (func $network (result i32)))
  (import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket" (func $socket (param i32 i32)))
  (memory (export "memory") 64)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 65536))
  (func (export "transform") (param $batch i32) (result i32)
    (call $network)
    (drop)
    (loop $l
      (call $socket (i32.const 0) (i32.const 16))
      (br_if $l (i32.eqz (i32.load8_u (i32.const 16)))))
    unreachable))
