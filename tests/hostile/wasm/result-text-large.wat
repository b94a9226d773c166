;; A name of 2 MiB.
;; expect: output: 
(i32.store8 (local.get $outcome) (i32.const 2))
(memory.copy (i32.add (local.get $outcome) (i32.const 8)) (local.get $report) (i32.const 72))
(i64.store offset=16 (local.get $outcome) (i64.const 0x0020000000100000))
