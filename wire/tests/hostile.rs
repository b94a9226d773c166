//! Bytes that nobody's client sends: a typed error, never a panic, and no more work than the bytes are worth.

mod support;

use proptest::prelude::*;
use support::{Value, decode, decode_one, map, start_with};
use upto_wire::{Report, WireError, json, limits, msgpack};

fn causes(message: &[u8]) -> Vec<&'static str> {
    decode(message).iter().map(|item| item.as_ref().map_or_else(WireError::cause, |_| "ok")).collect()
}

fn vectors() -> Vec<Vec<u8>> {
    include_str!("data/wire-vectors.jsonl")
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let hex = line["hex"].as_str().unwrap().as_bytes();
            hex.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
        })
        .collect()
}

/// Decodes and checks everything in a message and says how many items there were.
fn exhaust(message: &[u8]) -> usize {
    let items = msgpack::reports(message).map(|item| item.and_then(|mut report| report.check()));
    items.inspect(|item| drop(item.as_ref().map_err(ToString::to_string))).count()
}

fn exhaust_json(document: &[u8]) -> usize {
    let items = json::items(document).unwrap_or_default();
    items.iter().map(|item| drop(json::report(item).and_then(|mut report| report.check()))).count()
}

#[test]
fn a_length_of_four_gigabytes_is_not_believed() {
    let longest = [0xff; 4];
    for marker in [0xdb, 0xc6, 0xc9, 0xdd, 0xdf] {
        let claim = Value::Raw([&[marker], &longest[..], &[0x01; 12]].concat());
        for field in ["context", "name", "type", "time", "host", "autoIP", "timeline", "status", "labels", "other"] {
            assert_eq!(causes(&start_with(&[(field, claim.clone())]).encode()), ["truncated"], "{field} {marker:x}");
        }
        let labels = Value::Map(vec![(claim.clone(), Value::Str("x"))]);
        assert_eq!(causes(&start_with(&[("labels", labels)]).encode()), ["truncated"]);
        assert_eq!(causes(&Value::Map(vec![(claim.clone(), Value::Str("x"))]).encode()), ["truncated"]);
        assert_eq!(causes(&Value::Array(vec![claim]).encode()), ["truncated"]);
    }
    for (marker, width) in [(0xdc, 2), (0xdd, 4), (0xde, 2), (0xdf, 4)] {
        assert_eq!(causes(&[&[marker], &longest[..width]].concat()), ["truncated"]);
    }
}

#[test]
fn counts_that_claim_more_values_than_bytes_are_not_looped_over() {
    let nested = [&[0xdd, 0, 0, 0xff, 0xff][..], &[0x80; 100]].concat();
    assert_eq!(causes(&nested), ["truncated"]);
    let pairs = [&[0xdf, 0, 0, 0, 51][..], &[0xa0; 100]].concat();
    assert_eq!(causes(&pairs), ["truncated"]);
}

#[test]
fn arrays_in_arrays_end_at_the_limit_of_depth() {
    assert_eq!(causes(&[0x91; 8_000]), ["too_deep"]);
    assert_eq!(causes(&[0x81; 8_000]), ["too_deep"]);
    let nested = |depth: usize| start_with(&[("x", Value::Raw([vec![0x91; depth], vec![0xc0]].concat()))]).encode();
    assert_eq!(causes(&nested(limits::DEPTH - 1)), ["ok"], "the report's own map is one of them");
    assert_eq!(causes(&nested(limits::DEPTH)), ["too_deep"]);
    assert_eq!(causes(&nested(60_000)), ["too_deep"]);
    let in_labels = Value::Raw([vec![0x91; 8_000], vec![0xc0]].concat());
    assert_eq!(causes(&start_with(&[("labels", map(&[("k", in_labels.clone())]))]).encode()), ["too_deep"]);
    assert_eq!(causes(&start_with(&[("host", in_labels)]).encode()), ["too_deep"]);
}

#[test]
fn json_has_the_same_limit_of_depth() {
    let nested = |depth: usize, open: &str, close: &str| {
        format!(r#"{{"context":"c","name":"n","type":0,"x":{}1{}}}"#, open.repeat(depth), close.repeat(depth))
    };
    let cause = |text: &str| json::report(text).err().map(|error| error.cause());
    for (open, close) in [("[", "]"), (r#"{"[\"{":"#, "}")] {
        assert_eq!(cause(&nested(limits::DEPTH - 1, open, close)), None);
        assert_eq!(cause(&nested(limits::DEPTH, open, close)), Some("too_deep"));
        assert_eq!(cause(&nested(100_000, open, close)), Some("too_deep"));
    }
    assert_eq!(cause(r#"{"context":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[","name":"n","type":0}"#), None);
}

#[test]
fn a_json_bomb_in_an_array_costs_only_itself() {
    let good = r#"{"context":"c","name":"n","type":0}"#;
    let bomb = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let document = format!("[{good},{bomb},{good}]");
    let items = json::items(document.as_bytes()).unwrap();
    let verdicts: Vec<_> = items.iter().map(|item| json::report(item).map_err(|error| error.cause())).collect();
    assert!(verdicts[0].is_ok() && verdicts[2].is_ok());
    assert_eq!(verdicts[1], Err("too_deep"));
    assert_eq!(json::items("[".repeat(200_000).as_bytes()).unwrap_err().cause(), "malformed");
    assert_eq!(json::report(&"[".repeat(200_000)).unwrap_err().cause(), "too_deep");
}

#[test]
fn a_datagram_cut_anywhere_is_truncated() {
    for datagram in vectors() {
        for length in 1..datagram.len() {
            assert_eq!(causes(&datagram[..length]), ["truncated"], "{length} bytes of {datagram:02x?}");
        }
    }
}

#[test]
fn what_follows_a_cut_report_is_lost_and_what_precedes_it_is_not() {
    let datagram = &vectors()[1];
    let message = [datagram, &datagram[..20]].concat();
    assert_eq!(causes(&message), ["ok", "truncated"]);
    assert_eq!(causes(&[&datagram[..], b"\0\0\0"].concat()), ["ok", "malformed"]);
}

#[test]
fn bytes_of_another_protocol_are_one_malformed_item() {
    for message in
        [&b"hello, is this statsd?"[..], b"GET / HTTP/1.1\r\n", b"{\"context\": 1}", b"\xc1", b"\xc0", b"\x01"]
    {
        assert_eq!(causes(message), ["malformed"], "{message:?}");
    }
    assert_eq!(causes(&start_with(&[("x", Value::Raw(vec![0xc1]))]).encode()), ["malformed"]);
    assert_eq!(causes(&start_with(&[("time", Value::Raw(vec![0xc1]))]).encode()), ["malformed"]);
}

#[test]
fn text_that_is_not_utf_8_names_its_field() {
    let bad = || Value::Bytes(vec![b'a', 0xff]);
    for field in ["context", "name", "host", "timeline"] {
        let error = decode_one(&start_with(&[(field, bad())]).encode()).unwrap_err();
        assert_eq!(error, WireError::InvalidUtf8 { field });
    }
    let label = |key, value| start_with(&[("labels", Value::Map(vec![(key, value)]))]).encode();
    let invalid = |field| Err(WireError::InvalidUtf8 { field });
    assert_eq!(decode_one(&label(bad(), Value::Str("v"))), invalid("label key"));
    assert_eq!(decode_one(&label(Value::Str("k"), bad())), invalid("label value"));
    for field in ["type", "status", "time"] {
        let error = decode_one(&start_with(&[(field, bad())]).encode()).unwrap_err();
        assert!(matches!(error, WireError::WrongType { .. }), "{error:?}");
    }
    assert_eq!(json::items(b"{\"context\":\"\xff\"}").unwrap_err().cause(), "invalid_utf8");
    assert_eq!(json::report(r#"{"context":"\ud800","name":"n","type":0}"#).unwrap_err().cause(), "malformed");
}

#[test]
fn text_that_holds_nul_names_its_field() {
    let nul = || Value::Str("a\0b");
    let check = |message: &[u8]| decode_one(message).unwrap().check();
    for field in ["context", "name", "host", "timeline"] {
        assert_eq!(check(&start_with(&[(field, nul())]).encode()), Err(WireError::Nul { field }));
        let text = format!(r#"{{"context":"c","name":"n","type":0,"{field}":"a\u0000b"}}"#);
        assert_eq!(json::report(&text).unwrap().check(), Err(WireError::Nul { field }));
    }
    let label = |key, value| start_with(&[("labels", Value::Map(vec![(key, value)]))]).encode();
    assert_eq!(check(&label(nul(), Value::Str("v"))), Err(WireError::Nul { field: "label key" }));
    assert_eq!(check(&label(Value::Str("k"), nul())), Err(WireError::Nul { field: "label value" }));
}

#[test]
fn values_of_the_wrong_type_name_their_field() {
    let wrong = |field: &'static str, value: Value| {
        let error = decode_one(&start_with(&[(field, value)]).encode()).unwrap_err();
        assert!(matches!(error, WireError::WrongType { field: named, .. } if named == field), "{error:?}");
    };
    for field in ["context", "name", "host", "timeline", "status", "autoIP", "labels"] {
        wrong(field, Value::Raw(vec![7]));
        wrong(field, Value::Raw([&[0xcb][..], &f64::NAN.to_be_bytes()].concat()));
        wrong(field, Value::Ext(-1, vec![0, 0, 0, 1]));
        wrong(field, Value::Array(vec![Value::Str("x")]));
    }
    wrong("host", map(&[("a", Value::Str("b"))]));
    wrong("type", Value::Raw(vec![0xc0]));
    wrong("type", Value::Raw([&[0xca][..], &1_f32.to_be_bytes()].concat()));
    let label = start_with(&[("labels", map(&[("k", Value::Raw(vec![1]))]))]).encode();
    assert!(matches!(decode_one(&label), Err(WireError::WrongType { field: "label value", .. })));
    let text = r#"{"context":"c","name":"n","type":0,"labels":{"k":{"a":1}}}"#;
    assert!(matches!(json::report(text), Err(WireError::WrongType { field: "label value", found: "an object", .. })));
    assert_eq!(causes(&start_with(&[("type", Value::Raw(vec![4]))]).encode()), ["unknown_type"]);
    assert_eq!(causes(&start_with(&[("type", Value::Raw(vec![0xff]))]).encode()), ["unknown_type"]);
    assert_eq!(
        causes(&start_with(&[("type", Value::Raw([[0xcf; 1].as_slice(), &[0xff; 8]].concat()))]).encode()),
        ["unknown_type"]
    );
}

#[test]
fn more_labels_than_allowed_are_refused_and_not_kept() {
    let label = |n: u16| (Value::Bytes(n.to_string().into_bytes()), Value::Str("v"));
    let message = start_with(&[("labels", Value::Map((0..9_000).map(label).collect()))]).encode();
    let mut report = decode_one(&message).unwrap();
    assert!(report.labels.len() <= limits::LABELS + 1);
    assert_eq!(report.check().unwrap_err().cause(), "too_many_labels");
}

#[test]
fn there_are_no_more_items_than_bytes() {
    assert_eq!(exhaust(&[0x80; 10_000]), 10_000);
    let ints = [&[0xdd, 0, 0, 0x27, 0x10][..], &[0x01; 10_000]].concat();
    assert_eq!(exhaust(&ints), 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(exhaust(&bytes) <= bytes.len().max(1));
        exhaust_json(&bytes);
    }

    #[test]
    fn random_text_never_panics(text in r#"(?s)[\[\]{}",:\\0-9eE+.a-z \x00-\x1f-]{0,200}"#) {
        exhaust_json(text.as_bytes());
        let _ = json::report(&text);
    }

    #[test]
    fn mutated_datagrams_never_panic(
        which in 0_usize..29,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut datagram = vectors().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(datagram.len());
            datagram[at] = byte;
        }
        exhaust(&datagram);
        exhaust(&datagram[..cut.index(datagram.len())]);
    }

    #[test]
    fn mutated_json_never_panics(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), 0x20_u8..0x7f), 1..6),
    ) {
        let text = r#"[{"context":"c","name":"n","type":0,"time":"2026-11-22T14:00:00Z","labels":{"k":"\u00e9\n"}}]"#;
        let mut bytes = text.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        exhaust_json(&bytes);
    }

    #[test]
    fn what_decodes_and_passes_the_check_encodes_to_itself(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let message = [&[0x84][..], b"\xa7context\xa1c\xa4name\xa1n\xa4type\x00", &bytes].concat();
        for mut report in msgpack::reports(&message).flatten() {
            if report.check().is_ok() {
                let mut again = Vec::new();
                msgpack::encode(&report, &mut again);
                prop_assert_eq!(decode_one(&again), Ok(Report::into_owned(report)));
            }
        }
    }
}
