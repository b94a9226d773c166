//! Any bytes as a JSON body: no panic, and what upto takes survives its own encoding, as JSON and as MessagePack.
#![no_main]

use libfuzzer_sys::fuzz_target;
use upto_wire::{json, msgpack};

fuzz_target!(|document: &[u8]| {
    for item in json::items(document).unwrap_or_default() {
        let Ok(mut report) = json::report(item) else { continue };
        if report.check().is_ok() {
            let text = serde_json::to_string(&report).expect("a report is JSON");
            assert_eq!(json::report(&text), Ok(report.clone()));
            let mut bytes = Vec::new();
            msgpack::encode(&report, &mut bytes);
            assert_eq!(msgpack::reports(&bytes).collect::<Vec<_>>(), [Ok(report)]);
        }
    }
});
