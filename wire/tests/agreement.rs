//! JSON and MessagePack mean the same, and a message may hold its reports and keys in any arrangement.

mod support;

use proptest::prelude::*;
use support::{Value, decode, decode_one, map, start_with};
use upto_wire::{Kind, Labels, Refusal, Report, Status, Time, WireError, json, limits, msgpack};

fn encoded(report: &Report<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::encode(report, &mut out);
    out
}

fn by_json(text: &str) -> Result<Report<'static>, WireError> {
    let items = json::items(text.as_bytes())?;
    assert_eq!(items.len(), 1);
    json::report(items[0]).map(Report::into_owned)
}

/// Text with quotes, escapes, NUL, dots and characters of two to four bytes.
fn any_text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("(?s).{0,40}").unwrap()
}

prop_compose! {
    fn any_report()(
        (context, name, host) in (any_text(), any_text(), any_text()),
        kind in proptest::sample::select(&Kind::ALL[..]),
        micros in proptest::option::of(1_i64..9_214_646_400_000_000),
        auto_ip: bool,
        timeline in proptest::option::of(any_text()),
        status in proptest::option::of(proptest::sample::select(&Status::ALL[..])),
        labels in proptest::collection::vec((any_text(), any_text()), 0..20),
    ) -> Report<'static> {
        let mut report = Report::new(kind, context, name);
        report.host = host.into();
        report.time = micros.map(Time::from_micros);
        report.auto_ip = auto_ip;
        report.timeline = timeline.filter(|name| !name.is_empty()).map(Into::into);
        report.status = status;
        report.labels = labels.into_iter().collect();
        report
    }
}

proptest! {
    #[test]
    fn any_report_goes_through_both_encodings_unchanged(report in any_report()) {
        prop_assert_eq!(&decode_one(&encoded(&report)).unwrap(), &report);
        prop_assert_eq!(&by_json(&serde_json::to_string(&report).unwrap()).unwrap(), &report);
    }

    #[test]
    fn any_reports_after_another_or_in_an_array_stay_apart(reports in proptest::collection::vec(any_report(), 1..20)) {
        let bodies: Vec<Vec<u8>> = reports.iter().map(encoded).collect();
        let array = Value::Array(bodies.iter().cloned().map(Value::Raw).collect()).encode();
        for message in [bodies.concat(), array] {
            let decoded: Vec<Report<'_>> = decode(&message).into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(&decoded, &reports);
        }
        let document = serde_json::to_vec(&reports).unwrap();
        let items = json::items(&document).unwrap();
        let decoded: Vec<Report<'_>> = items.into_iter().map(|item| json::report(item).unwrap()).collect();
        prop_assert_eq!(&decoded, &reports);
    }

    #[test]
    fn check_is_idempotent(report in any_report()) {
        let mut once = report;
        let verdict = once.check();
        let mut twice = once.clone();
        prop_assert_eq!(twice.check(), verdict);
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn keys_come_in_any_order(order in Just((0..9).collect::<Vec<usize>>()).prop_shuffle()) {
        let pairs = all_fields();
        let shuffled: Vec<_> = order.into_iter().map(|at| pairs[at].clone()).collect();
        prop_assert_eq!(decode_one(&map(&shuffled).encode()), decode_one(&map(&pairs).encode()));
    }
}

fn all_fields() -> [(&'static str, Value); 9] {
    [
        ("context", Value::Str("ctx")),
        ("name", Value::Str("a.b")),
        ("type", Value::Str("end")),
        ("time", Value::Str("2026-11-22T14:00:00.5Z")),
        ("host", Value::Str("web-1")),
        ("autoIP", Value::Raw(vec![0xc3])),
        ("timeline", Value::Str("gh-1")),
        ("status", Value::Str("timeout")),
        ("labels", map(&[("b", Value::Str("2")), ("a", Value::Str("1"))])),
    ]
}

#[test]
fn every_field_has_its_place() {
    let mut expected = Report::new(Kind::End, "ctx", "a.b");
    expected.time = Some(Time::parse("2026-11-22T14:00:00.5Z").unwrap());
    expected.host = "web-1".into();
    expected.auto_ip = true;
    expected.timeline = Some("gh-1".into());
    expected.status = Some(Status::Timeout);
    expected.labels = [("a", "1"), ("b", "2")].into_iter().collect();
    assert_eq!(decode_one(&map(&all_fields()).encode()), Ok(expected.clone()));
    let text = r#" {"labels": {"b": "2", "a": "1"}, "status": "timeout", "timeline": "gh-1", "auto_ip": true,
        "host": "web-1", "time": "2026-11-22T14:00:00.5Z", "type": 1, "name": "a.b", "context": "ctx"} "#;
    assert_eq!(by_json(text), Ok(expected.clone()));
    assert_eq!(expected.labels.get("b"), Some("2"));
    assert_eq!(expected.labels.get("c"), None);
    assert_eq!(expected.labels.iter().next_back(), Some(("b", "2")));
}

#[test]
fn json_leaves_out_what_is_not_given() {
    let text = |report: &Report<'_>| serde_json::to_string(report).unwrap();
    assert_eq!(text(&Report::new(Kind::New, "ctx", "")), r#"{"context":"ctx","type":"new"}"#);
    let mut point = Report::new(Kind::Point, "ctx", "ev");
    point.time = Some(Time::from_micros(1));
    assert_eq!(text(&point), r#"{"context":"ctx","name":"ev","type":"point","time":"1970-01-01T00:00:00.000001Z"}"#);
}

#[test]
fn null_is_not_given() {
    let nil = || Value::Raw(vec![0xc0]);
    let keys = ["time", "host", "autoIP", "timeline", "status", "labels"];
    let nulls: Vec<_> = keys.map(|key| (key, nil())).into_iter().collect();
    let plain = Ok(Report::new(Kind::Start, "ctx", "ev"));
    assert_eq!(decode_one(&start_with(&nulls).encode()), plain);
    let text = r#"{"context":"ctx","name":"ev","type":0,"time":null,"host":null,"autoIP":null,"timeline":null,
        "status":null,"labels":null}"#;
    assert_eq!(by_json(text), plain);
    assert_eq!(by_json(r#"{"context":"ctx","name":"ev","type":0,"timeline":"","status":"","labels":{}}"#), plain);
}

#[test]
fn unknown_keys_are_ignored_however_they_are_made() {
    let plain = Ok(Report::new(Kind::Start, "ctx", "ev"));
    let nested = map(&[("name", Value::Array(vec![map(&[("context", Value::Str("x"))]), Value::Ext(9, vec![1])]))]);
    assert_eq!(decode_one(&start_with(&[("extra", nested), ("Name", Value::Str("x"))]).encode()), plain);
    let Value::Map(mut pairs) = start_with(&[]) else { unreachable!() };
    pairs.insert(0, (Value::Raw(vec![7]), Value::Str("an integer as key")));
    pairs.insert(0, (Value::Array(vec![Value::Str("name")]), Value::Str("an array as key")));
    pairs.insert(0, (Value::Bytes(vec![0xff]), Value::Bytes(vec![0xff, 0xfe])));
    assert_eq!(decode_one(&Value::Map(pairs).encode()), plain);
    let text =
        r#"{"extra":{"name":[{"context":1e999},"\u0000",null]},"context":"ctx","Name":"x","name":"ev","type":0}"#;
    assert_eq!(by_json(text), plain);
}

#[test]
fn keys_and_text_may_be_bin() {
    let pairs = [(b"context", b"ctx".as_slice())].map(|(key, value)| (Value::Bin(key), Value::Bin(value)));
    let Value::Map(rest) = map(&[("name", Value::Bin(b"ev")), ("type", Value::Bin(b"start"))]) else { unreachable!() };
    let message = Value::Map(pairs.into_iter().chain(rest).collect()).encode();
    assert_eq!(decode_one(&message), Ok(Report::new(Kind::Start, "ctx", "ev")));
}

#[test]
fn of_a_key_that_comes_twice_the_later_counts() {
    let twice = start_with(&[
        ("labels", map(&[("a", Value::Str("1")), ("a", Value::Str("2")), ("b", Value::Str("3"))])),
        ("name", Value::Str("later")),
        ("labels", map(&[("a", Value::Str("4"))])),
    ]);
    let mut expected = Report::new(Kind::Start, "ctx", "later");
    expected.labels.set("a", "4");
    assert_eq!(decode_one(&twice.encode()), Ok(expected.clone()));
    let text = r#"{"context":"ctx","name":"ev","type":0,"labels":{"b":"3"},"name":"later","labels":{"a":"1","a":"4"}}"#;
    assert_eq!(by_json(text), Ok(expected));
}

#[test]
fn every_integer_width_is_a_type() {
    let widths: [&[u8]; 9] = [
        &[1],
        &[0xcc, 1],
        &[0xcd, 0, 1],
        &[0xce, 0, 0, 0, 1],
        &[0xcf, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0xd0, 1],
        &[0xd1, 0, 1],
        &[0xd2, 0, 0, 0, 1],
        &[0xd3, 0, 0, 0, 0, 0, 0, 0, 1],
    ];
    for width in widths {
        let report = decode_one(&start_with(&[("type", Value::Raw(width.to_vec()))]).encode()).unwrap();
        assert_eq!(report.kind, Kind::End);
    }
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        let by_number = format!(r#"{{"context":"c","name":"n","type":{number}}}"#);
        let by_word = format!(r#"{{"context":"c","name":"n","type":"{}"}}"#, kind.as_str());
        assert_eq!(by_json(&by_number).unwrap().kind, kind);
        assert_eq!(by_json(&by_word), by_json(&by_number));
        assert_eq!(encoded(&Report::new(kind, "c", "n"))[23], number as u8, "the number on the wire");
    }
}

#[test]
fn every_status_is_its_word() {
    for status in Status::ALL {
        let word = Value::Bytes(status.as_str().as_bytes().to_vec());
        assert_eq!(decode_one(&start_with(&[("status", word)]).encode()).unwrap().status, Some(status));
    }
    assert_eq!("done".parse::<Status>().unwrap_err().cause(), "unknown_status");
}

#[test]
fn a_faulty_report_among_good_ones_costs_only_itself() {
    let good = || Value::Raw(encoded(&Report::new(Kind::Start, "ctx", "ev")));
    let faulty = || {
        [
            start_with(&[("type", Value::Str("begin"))]),
            start_with(&[("time", Value::Str("never"))]),
            start_with(&[("host", Value::Bytes(vec![0xff]))]),
            start_with(&[("labels", Value::Array(vec![good(), good()]))]),
            map(&[("context", Value::Str("ctx"))]),
            map(&[]),
        ]
    };
    let causes = ["unknown_type", "bad_time", "invalid_utf8", "wrong_type", "missing_field", "missing_field"];
    let mixed: Vec<Value> = faulty().into_iter().flat_map(|bad| [good(), bad]).chain([good()]).collect();
    let one_after_another: Vec<u8> = mixed.iter().flat_map(Value::encode).collect();
    for message in [one_after_another, Value::Array(mixed).encode()] {
        let (good, bad): (Vec<_>, Vec<_>) = decode(&message).into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), causes.len() + 1);
        assert_eq!(bad.into_iter().map(|item| item.unwrap_err().cause()).collect::<Vec<_>>(), causes);
    }
}

#[test]
fn what_is_no_report_in_an_array_costs_only_itself() {
    let good = || Value::Raw(encoded(&Report::new(Kind::Start, "ctx", "ev")));
    let array = Value::Array(vec![Value::Str("x"), good(), Value::Raw(vec![1]), Value::Array(vec![good()]), good()]);
    let message = array.encode();
    let items: Vec<_> = decode(&message).into_iter().map(|item| item.map_err(|e| e.to_string())).collect();
    let not_a_report = |found| Err(format!("the report is {found}; it must be a map (JSON: an object)"));
    assert_eq!(items[0], not_a_report("text"));
    assert_eq!(items[2], not_a_report("an integer"));
    assert_eq!(items[3], not_a_report("an array"));
    assert!(items[1].is_ok() && items[4].is_ok() && items.len() == 5);

    let good = r#"{"context":"ctx","name":"ev","type":"start"}"#;
    let document = format!(r#"["x",{good},1,[{good}],{good}]"#);
    let by_json: Vec<_> = json::items(document.as_bytes())
        .unwrap()
        .into_iter()
        .map(|item| json::report(item).map_err(|error| error.to_string()))
        .collect();
    assert_eq!(by_json, items);
}

#[test]
fn arrays_and_maps_may_follow_each_other() {
    let one = || Value::Raw(encoded(&Report::new(Kind::Start, "ctx", "ev")));
    let message: Vec<u8> = [Value::Array(vec![one(), one()]), one(), Value::Array(vec![]), Value::Array(vec![one()])]
        .iter()
        .flat_map(Value::encode)
        .collect();
    assert_eq!(decode(&message).into_iter().filter(Result::is_ok).count(), 4);
    assert_eq!(decode(&message).len(), 4);
}

#[test]
fn nothing_is_an_error_of_its_own() {
    assert_eq!(decode(&[]), [Err(WireError::Empty)]);
    assert_eq!(decode(&[0x90]), [Err(WireError::Empty)]);
    assert_eq!(json::items(b" \n"), Err(WireError::Empty));
    assert_eq!(json::items(b"[]"), Ok(vec![]));
}

#[test]
fn the_limits_are_where_they_are_said_to_be() {
    let check = |change: &dyn Fn(&mut Report<'static>)| {
        let mut report = Report::new(Kind::End, "ctx", "ev");
        change(&mut report);
        report.check().err().map(|error| error.cause())
    };
    let label =
        |key: usize, value: usize| move |r: &mut Report<'static>| r.labels.set("k".repeat(key), "v".repeat(value));
    let labels = |count: usize| {
        move |r: &mut Report<'static>| r.labels = (0..count).map(|n| (n.to_string(), "")).collect::<Labels<'_>>()
    };
    assert_eq!(check(&|r| r.context = "c".repeat(limits::CONTEXT).into()), None);
    assert_eq!(check(&|r| r.context = "c".repeat(limits::CONTEXT + 1).into()), Some("too_long"));
    assert_eq!(check(&|r| r.name = "n".repeat(limits::NAME).into()), None);
    assert_eq!(check(&|r| r.name = "n".repeat(limits::NAME + 1).into()), Some("too_long"));
    assert_eq!(check(&|r| r.name = format!("{}...", "n".repeat(limits::NAME)).into()), None, "dots are dropped first");
    assert_eq!(check(&|r| r.name = "n.".repeat(limits::SEGMENTS).into()), None);
    assert_eq!(check(&|r| r.name = "n.".repeat(limits::SEGMENTS + 1).into()), Some("too_many_segments"));
    assert_eq!(check(&|r| r.host = "h".repeat(limits::HOST).into()), None);
    assert_eq!(check(&|r| r.host = "h".repeat(limits::HOST + 1).into()), Some("too_long"));
    assert_eq!(check(&|r| r.timeline = Some("t".repeat(limits::TIMELINE).into())), None);
    assert_eq!(check(&|r| r.timeline = Some("t".repeat(limits::TIMELINE + 1).into())), Some("too_long"));
    assert_eq!(check(&labels(limits::LABELS)), None);
    assert_eq!(check(&labels(limits::LABELS + 1)), Some("too_many_labels"));
    assert_eq!(check(&label(limits::LABEL_KEY, limits::LABEL_VALUE)), None);
    assert_eq!(check(&label(limits::LABEL_KEY + 1, 1)), Some("too_long"));
    assert_eq!(check(&label(1, limits::LABEL_VALUE + 1)), Some("too_long"));
    assert_eq!(check(&label(0, 1)), Some("missing_field"));
    assert_eq!(check(&|r| r.status = Some(Status::Success)), None);
    assert_eq!(check(&|r| (r.kind, r.status) = (Kind::Start, Some(Status::Success))), Some("status_not_allowed"));
}

#[test]
fn check_drops_empty_segments() {
    for (given, kept) in [("a.b", "a.b"), (".a..b.", "a.b"), ("...a", "a"), ("été..データ", "été.データ")] {
        let mut report = Report::new(Kind::Start, "ctx", given);
        report.check().unwrap();
        assert_eq!(report.name, kept);
    }
    for nothing in ["", ".", "...."] {
        let error = Report::new(Kind::Start, "ctx", nothing).check().unwrap_err();
        assert_eq!(error, WireError::Refused(Refusal::Missing { field: "name" }));
    }
}
