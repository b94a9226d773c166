;; 100,000 labels, all empty.
;; expect: output or error
(i32.store8 (local.get $outcome) (i32.const 2))
(memory.copy (i32.add (local.get $outcome) (i32.const 8)) (local.get $report) (i32.const 72))
(i64.store offset=72 (local.get $outcome) (i64.const 0x000186a000100000))
