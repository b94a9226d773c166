//! Any bytes as a datagram: no panic, no more items than bytes, and what upto takes survives its own encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use upto_wire::msgpack;

fuzz_target!(|message: &[u8]| {
    let mut items = 0;
    for item in msgpack::reports(message) {
        items += 1;
        let Ok(mut report) = item else { continue };
        if report.check().is_ok() {
            let mut again = Vec::new();
            msgpack::encode(&report, &mut again);
            assert_eq!(msgpack::reports(&again).collect::<Vec<_>>(), [Ok(report)]);
        }
    }
    assert!((1..=message.len().max(1)).contains(&items));
});
