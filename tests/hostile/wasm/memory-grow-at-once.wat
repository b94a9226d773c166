;; Asks for 4 GiB at once, and traps.
;; expect: memory
(if (i32.eq (memory.grow (i32.const 65472)) (i32.const -1)) (then unreachable))
