//! Datagrams that were captured from the original client decode to what it meant, and encode to the same bytes.

use std::borrow::Cow;

use serde_json::Value;
use upto_wire::{Kind, Refusal, Report, Time, WireError, msgpack};

/// Offset and length of the nanoseconds in the original's `c7 0c 05` time.
const NANOS: std::ops::Range<usize> = 11..15;

struct Vector {
    bytes: Vec<u8>,
    decoded: Value,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = include_str!("data/wire-vectors.jsonl").lines().map(vector).collect();
    assert_eq!(vectors.len(), 29, "a vector was lost");
    vectors
}

fn vector(line: &str) -> Vector {
    let line: Value = serde_json::from_str(line).expect("a line of JSON");
    let hex = line["hex"].as_str().expect("hex").as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    Vector { bytes: hex.chunks(2).map(byte).collect(), decoded: line["decoded"].clone() }
}

impl Vector {
    fn text(&self, field: &str) -> &str {
        self.decoded[field].as_str().expect(field)
    }

    fn decode(&self) -> Result<Report<'_>, WireError> {
        let mut items = msgpack::reports(&self.bytes);
        let item = items.next().expect("one item");
        assert_eq!(items.next(), None, "one item only");
        item
    }

    /// The report that the vector says it is; `None` for the one whose name is not UTF-8.
    fn expected(&self) -> Option<Report<'_>> {
        if self.text("name").contains(r"\xff") {
            return None;
        }
        let kind = Kind::ALL[self.decoded["type"].as_u64().unwrap() as usize];
        let mut report = Report::new(kind, self.text("context"), self.text("name"));
        report.host = Cow::Borrowed(self.text("host"));
        report.auto_ip = self.decoded["autoIP"].as_bool().unwrap();
        report.time = self.time();
        Some(report)
    }

    fn time(&self) -> Option<Time> {
        let time = &self.decoded["time"];
        let (seconds, nanos) = (time["sec"].as_i64().unwrap(), time["nsec"].as_i64().unwrap());
        let from_parts = (seconds > 0).then(|| Time::from_micros(seconds * 1_000_000 + nanos / 1_000));
        let from_text = Time::parse(time["utc"].as_str().unwrap()).ok();
        assert_eq!(from_parts, from_text, "the vector's two forms of the time");
        from_parts
    }
}

#[test]
fn each_decodes_to_what_it_says() {
    for vector in vectors() {
        match vector.expected() {
            Some(expected) => assert_eq!(vector.decode(), Ok(expected)),
            None => assert_eq!(vector.decode(), Err(WireError::InvalidUtf8 { field: "name" })),
        }
    }
}

#[test]
fn each_encodes_to_the_same_bytes_but_for_nanoseconds() {
    for vector in vectors() {
        let Ok(report) = vector.decode() else { continue };
        let mut encoded = Vec::new();
        msgpack::encode(&report, &mut encoded);
        assert_eq!(encoded, in_microseconds(&vector.bytes), "{report:?}");
    }
}

/// The datagram with its nanoseconds cut to microseconds.
fn in_microseconds(datagram: &[u8]) -> Vec<u8> {
    let mut bytes = datagram.to_vec();
    let at = bytes.windows(3).position(|window| window == [0xc7, 12, 5]).expect("a time");
    let nanos: &mut [u8] = &mut bytes[at + NANOS.start..at + NANOS.end];
    let whole = i32::from_be_bytes(nanos.try_into().unwrap()) / 1_000 * 1_000;
    nanos.copy_from_slice(&whole.to_be_bytes());
    bytes
}

#[test]
fn check_takes_all_but_those_that_say_too_little_or_too_much() {
    let mut refused = Vec::new();
    for vector in vectors() {
        let Ok(mut report) = vector.decode() else { continue };
        let (context, name) = (vector.text("context"), vector.text("name"));
        match report.check() {
            Ok(()) => assert_eq!((&*report.context, &*report.name), (context, name)),
            Err(error) => refused.push((context.len(), name.len(), error)),
        }
    }
    let missing = |field| WireError::Refused(Refusal::Missing { field });
    let expected = [
        (3, 1, missing("name")), // "."
        (0, 2, missing("context")),
        (0, 0, missing("context")), // `new ""`
        (3, 900, WireError::Refused(Refusal::TooLong { field: "name", length: 900, limit: 500 })),
    ];
    assert_eq!(refused, expected);
}

#[test]
fn time_is_cut_to_microseconds() {
    let start = &vectors()[1];
    assert_eq!(start.text("name"), "ev");
    let report = start.decode().unwrap();
    assert_eq!(report.time.unwrap().to_string(), "2026-11-22T14:21:16.975836Z");
}
