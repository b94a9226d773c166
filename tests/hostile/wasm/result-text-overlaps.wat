;; Context, name and host that are the same bytes, which are also the report.
;; expect: output or error or changed
(i32.store8 (local.get $outcome) (i32.const 2))
(memory.copy (i32.add (local.get $outcome) (i32.const 8)) (local.get $report) (i32.const 72))
(i64.store (i32.const 1024) (i64.const 0x6161616161616161))
(i64.store offset=8 (local.get $outcome) (i64.const 0x0000000800000400))
(i64.store offset=16 (local.get $outcome) (i64.const 0x0000000700000401))
(i64.store offset=48 (local.get $outcome) (i64.const 0x0000000600000402))
