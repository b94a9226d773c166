;; 60,000 labels that are the same label.
;; expect: output or error
(i32.store8 (local.get $outcome) (i32.const 2))
(memory.copy (i32.add (local.get $outcome) (i32.const 8)) (local.get $report) (i32.const 72))
(i64.store (i32.const 0x100000) (i64.const 0x0000000100000010))
(i64.store (i32.const 0x100008) (i64.const 0x0000000100000010))
(memory.copy (i32.const 0x100010) (i32.const 0x100000) (i32.const 960000))
(i64.store offset=72 (local.get $outcome) (i64.const 0x0000ea6000100000))
