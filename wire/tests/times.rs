//! Every form in which a report may give its time.

mod support;

use support::{Value, decode_one, start_with};
use upto_wire::{Time, WireError, json};

/// 2026-11-22T14:21:16Z.
const SECONDS: u32 = 1_795_357_276;
/// 2262-01-01T00:00:00Z, the first second that is refused.
const END: i64 = 9_214_646_400;
const GO_ZERO: i64 = -62_135_596_800;

fn by_msgpack(time: Value) -> Result<Option<Time>, WireError> {
    decode_one(&start_with(&[("time", time)]).encode()).map(|report| report.time)
}

fn by_json(time: &str) -> Result<Option<Time>, WireError> {
    let text = format!(r#"{{"context":"ctx","name":"ev","type":"start","time":{time}}}"#);
    json::report(&text).map(|report| report.time)
}

fn raw(marker: u8, payload: &[u8]) -> Value {
    Value::Raw([&[marker], payload].concat())
}

fn original(seconds: i64, nanos: i32) -> Value {
    Value::Ext(5, [&seconds.to_be_bytes()[..], &nanos.to_be_bytes()].concat())
}

fn micros(micros: i64) -> Result<Option<Time>, WireError> {
    Ok(Some(Time::from_micros(micros)))
}

fn is_bad_time(result: &Result<Option<Time>, WireError>) -> bool {
    matches!(result, Err(error) if error.cause() == "bad_time")
}

#[test]
fn seconds_and_fractions_in_every_encoding() {
    let whole = i64::from(SECONDS) * 1_000_000;
    let packed = (975_836_952_u64 << 34) | u64::from(SECONDS);
    let long = [&975_836_952_u32.to_be_bytes()[..], &i64::from(SECONDS).to_be_bytes()].concat();
    assert_eq!(by_msgpack(original(SECONDS.into(), 975_836_952)), micros(whole + 975_836));
    assert_eq!(by_msgpack(raw(0xd6, &[&[0xff], &SECONDS.to_be_bytes()[..]].concat())), micros(whole));
    assert_eq!(by_msgpack(raw(0xd7, &[&[0xff], &packed.to_be_bytes()[..]].concat())), micros(whole + 975_836));
    assert_eq!(by_msgpack(Value::Ext(-1, long)), micros(whole + 975_836));
    assert_eq!(by_msgpack(raw(0xce, &SECONDS.to_be_bytes())), micros(whole));
    assert_eq!(by_msgpack(raw(0xcf, &u64::from(SECONDS).to_be_bytes())), micros(whole));
    assert_eq!(by_msgpack(raw(0xd3, &i64::from(SECONDS).to_be_bytes())), micros(whole));
    assert_eq!(by_msgpack(raw(0xcb, &1_795_357_276.975_836_f64.to_be_bytes())), micros(whole + 975_836));
    assert_eq!(by_msgpack(raw(0xca, &0.5_f32.to_be_bytes())), micros(500_000));
    assert_eq!(by_msgpack(Value::Str("2026-11-22T14:21:16.975836952Z")), micros(whole + 975_836));
    assert_eq!(by_msgpack(Value::Str("2026-11-22T15:21:16+01:00")), micros(whole));
    assert_eq!(by_msgpack(Value::Bin(b"2026-11-22t14:21:16z")), micros(whole));
    assert_eq!(by_json("1795357276"), micros(whole));
    assert_eq!(by_json("1795357276.975836"), micros(whole + 975_836));
    assert_eq!(by_json(r#""2026-11-22T14:21:16.975836Z""#), micros(whole + 975_836));
    assert_eq!(by_json(r#""2026-11-22T09:21:16.5-05:00""#), micros(whole + 500_000));
}

#[test]
fn small_integers_are_seconds() {
    assert_eq!(by_msgpack(Value::Raw(vec![0x07])), micros(7_000_000));
    assert_eq!(by_msgpack(raw(0xcc, &[200])), micros(200_000_000));
    assert_eq!(by_msgpack(raw(0xcd, &[1, 0])), micros(256_000_000));
    assert_eq!(by_msgpack(raw(0xd0, &[100])), micros(100_000_000));
    assert_eq!(by_msgpack(raw(0xd1, &[1, 0])), micros(256_000_000));
    assert_eq!(by_msgpack(raw(0xd2, &[0, 1, 0, 0])), micros(65_536_000_000));
}

#[test]
fn zero_in_every_form_is_none_given() {
    let none = [
        original(GO_ZERO, 0),
        original(0, 0),
        original(0, 999),
        Value::Ext(-1, vec![0; 12]),
        raw(0xd6, &[0xff, 0, 0, 0, 0]),
        raw(0xd7, &[0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
        raw(0xd3, &GO_ZERO.to_be_bytes()),
        raw(0xcb, &(GO_ZERO as f64).to_be_bytes()),
        raw(0xcb, &0.0_f64.to_be_bytes()),
        raw(0xcb, &(-0.0_f64).to_be_bytes()),
        raw(0xcb, &1e-9_f64.to_be_bytes()),
        Value::Raw(vec![0x00]),
        Value::Raw(vec![0xc0]),
        Value::Str(""),
        Value::Str("0001-01-01T00:00:00Z"),
        Value::Str("1970-01-01T00:00:00Z"),
    ];
    for time in none {
        assert_eq!(by_msgpack(time.clone()), Ok(None), "{time:?}");
    }
    for time in ["null", "0", "-0", "0.0", "-62135596800", "\"\"", "\"0001-01-01T00:00:00Z\""] {
        assert_eq!(by_json(time), Ok(None), "{time}");
    }
}

#[test]
fn the_years_1970_to_2261_and_no_others() {
    assert_eq!(by_msgpack(original(0, 1_000)), micros(1));
    assert_eq!(by_msgpack(original(END - 1, 999_999_999)), micros(END * 1_000_000 - 1));
    assert_eq!(by_json("\"2261-12-31T23:59:59.999999Z\""), micros(END * 1_000_000 - 1));
    let refused = [
        original(-1, 0),
        original(-1, 999_999_999),
        original(END, 0),
        original(i64::MIN, 0),
        original(i64::MAX, 0),
        original(SECONDS.into(), 1_000_000_000),
        original(SECONDS.into(), -1),
        original(SECONDS.into(), i32::MIN),
        original(GO_ZERO, 1),
        raw(0xd7, &[0xff; 9]),
        Value::Ext(-1, vec![0xff; 12]),
        raw(0xcf, &u64::MAX.to_be_bytes()),
        raw(0xe0, &[]),
        raw(0xcb, &f64::NAN.to_be_bytes()),
        raw(0xcb, &f64::INFINITY.to_be_bytes()),
        raw(0xcb, &f64::NEG_INFINITY.to_be_bytes()),
        raw(0xcb, &f64::MAX.to_be_bytes()),
        raw(0xca, &f32::NAN.to_be_bytes()),
        raw(0xcb, &(END as f64).to_be_bytes()),
        raw(0xcb, &(-1e-3_f64).to_be_bytes()),
        Value::Str("1969-12-31T23:59:59.999Z"),
        Value::Str("2262-01-01T00:00:00Z"),
        Value::Str("yesterday"),
        Value::Str("2026-11-22T14:21:16"),
        Value::Str("2026-11-22"),
    ];
    for time in refused {
        assert!(is_bad_time(&by_msgpack(time.clone())), "{time:?}: {:?}", by_msgpack(time.clone()));
    }
    for time in ["-1", "1e300", "18446744073709551615", "9214646400", "\"soon\""] {
        assert!(is_bad_time(&by_json(time)), "{time}");
    }
    assert!(by_msgpack(raw(0xcb, &(END as f64).next_down().to_be_bytes())).is_ok());
}

#[test]
fn what_is_no_time_at_all_is_a_wrong_type() {
    for time in [Value::Raw(vec![0xc3]), Value::Array(vec![]), Value::Ext(5, vec![0; 8]), Value::Ext(7, vec![0; 12])] {
        let error = by_msgpack(time).unwrap_err();
        assert!(matches!(error, WireError::WrongType { field: "time", .. }), "{error:?}");
    }
    let error = by_json("[1]").unwrap_err();
    assert!(matches!(error, WireError::WrongType { field: "time", found: "an array", .. }), "{error:?}");
}

#[test]
fn an_error_tells_only_the_beginning_of_what_it_refuses() {
    let error = by_json(&format!("\"{}\"", "9".repeat(10_000))).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
    let error = by_msgpack(raw(0xcb, &f64::MAX.to_be_bytes())).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
}

#[test]
fn display_and_parse_agree() {
    let time = Time::parse("2026-11-22T15:00:00.5+01:00").unwrap();
    assert_eq!(time.to_string(), "2026-11-22T14:00:00.500000Z");
    assert_eq!(Time::parse(&time.to_string()), Ok(time));
    assert_eq!(time.seconds_since(Time::from_micros(time.micros() - 1_500_000)), 1.5);
    assert!(Time::parse("").is_err() && Time::parse("0001-01-01T00:00:00Z").is_err());
}
