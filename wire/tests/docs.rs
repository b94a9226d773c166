//! `docs/wire.md` says what the code does.

mod support;

use support::decode_one;
use upto_wire::{Kind, Refusal, Report, Status, Time, json, limits};

const DOCS: &str = include_str!("../../docs/wire.md");

/// The code blocks of a language; the empty language is a block without one.
fn blocks(language: &str) -> Vec<&'static str> {
    let fenced = DOCS.split("```").skip(1).step_by(2);
    fenced
        .filter_map(|block| block.split_once('\n'))
        .filter(|(info, _)| *info == language)
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn the_example_is_the_captured_datagram() {
    let [example] = blocks("")[..] else { panic!("one example byte by byte") };
    let bytes = example.lines().flat_map(|line| line[..28].split_whitespace());
    let bytes: Vec<u8> = bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    let captured = include_str!("data/wire-vectors.jsonl").lines().nth(1).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(captured.contains(&format!("\"hex\": \"{hex}\"")));

    let [by_json] = blocks("json")[..] else { panic!("one example in JSON") };
    assert_eq!(json::report(by_json).map(Report::into_owned), decode_one(&bytes));
    let mut expected = Report::new(Kind::Start, "ctx", "ev");
    expected.time = Some(Time::from_micros(1_795_357_276_975_836));
    assert_eq!(decode_one(&bytes), Ok(expected));
}

#[test]
fn the_datagram_by_hand_is_a_report() {
    let [shell] = blocks("sh")[..] else { panic!("one example in shell") };
    let mut rest = shell.split('\'').nth(1).unwrap();
    let mut bytes = Vec::new();
    while let Some(character) = rest.chars().next() {
        match rest.strip_prefix("\\x") {
            Some(hex) => {
                bytes.push(u8::from_str_radix(&hex[..2], 16).unwrap());
                rest = &hex[2..];
            }
            None => {
                bytes.push(character as u8);
                rest = &rest[1..];
            }
        }
    }
    assert_eq!(decode_one(&bytes), Ok(Report::new(Kind::Start, "ctx", "ev")));
}

#[test]
fn every_cause_has_its_row_and_no_other_has() {
    let rows: Vec<&str> = DOCS
        .split("## What is refused")
        .nth(1)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(cause, _)| cause)
        .collect();
    assert_eq!(rows.len(), Refusal::CAUSES.len());
    for cause in Refusal::CAUSES {
        assert!(rows.contains(&cause), "{cause}");
    }
}

#[test]
fn the_limits_and_words_are_those_of_the_code() {
    let row = |key: &str| DOCS.lines().find(|line| line.starts_with(&format!("| `{key}`"))).expect(key);
    assert!(row("context").contains(&format!("1 to {} bytes", limits::CONTEXT)));
    assert!(row("name").contains(&format!("1 to {} bytes, at most {} segments", limits::NAME, limits::SEGMENTS)));
    assert!(row("host").contains(&format!("at most {} bytes", limits::HOST)));
    assert!(row("timeline").contains(&format!("at most {} bytes", limits::TIMELINE)));
    assert!(row("labels").contains(&format!("at most {}; keys of 1 to {} bytes", limits::LABELS, limits::LABEL_KEY)));
    assert_eq!((limits::LABEL_VALUE, limits::DATAGRAM, limits::DEPTH), (1_000, 65_507, 32));
    assert!(row("labels").contains("1,000") && DOCS.contains("65,507 bytes") && DOCS.contains("at most 32 deep"));
    for kind in Kind::ALL {
        assert!(row("type").contains(&format!("`{}`", kind.as_str())));
    }
    for status in Status::ALL {
        assert!(row("status").contains(&format!("`{}`", status.as_str())));
    }
}
