//! Every command line that the original client's datagrams were captured with sends the same datagram.

mod support;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use serde_json::Value;
use support::{Udp, quiet_success, run, upto_client};
use upto_wire::msgpack;

const PORT: &str = "9999";

/// The captured line's arguments, its datagram, and what is decoded of it.
struct Vector {
    arguments: Vec<OsString>,
    datagram: Vec<u8>,
    is_new: bool,
}

fn vectors() -> Vec<Vector> {
    include_str!("../../wire/tests/data/wire-vectors.jsonl").lines().map(vector).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(byte).collect()
}

fn vector(line: &str) -> Vector {
    let line: Value = serde_json::from_str(line).unwrap();
    let argument = |text: &str| match text.strip_prefix("hex:") {
        Some(hex) => OsString::from_vec(bytes_of(hex)),
        None => text.into(),
    };
    let arguments = match &line["argv"] {
        Value::Array(arguments) => arguments.iter().map(|text| argument(text.as_str().unwrap())).collect(),
        // One is too long to be written out: its arguments are what it decodes to.
        _ => ["start", "ctx", line["decoded"]["name"].as_str().unwrap()].map(OsString::from).to_vec(),
    };
    Vector { arguments, datagram: bytes_of(line["hex"].as_str().unwrap()), is_new: line["decoded"]["type"] == 3 }
}

/// The arguments with the test's port in place of the captured one, or in front.
fn with_port(arguments: &[OsString], port: u16) -> Vec<OsString> {
    let port = OsString::from(port.to_string());
    if !arguments.contains(&PORT.into()) {
        return [&["--rp".into(), port], arguments].concat();
    }
    arguments.iter().map(|argument| if argument == PORT { port.clone() } else { argument.clone() }).collect()
}

/// The datagram without its time, which only `new` has fixed.
fn without_time(datagram: &[u8]) -> Vec<u8> {
    let at = datagram.windows(3).position(|window| window == [0xc7, 12, 5]).expect("a time");
    [&datagram[..at + 3], &datagram[at + 15..]].concat()
}

/// The captured datagram as it is expected from this machine and this client.
fn expected(vector: &Vector) -> Vec<u8> {
    let Some(Ok(mut report)) = msgpack::reports(&vector.datagram).next() else {
        // The original sends what is not UTF-8 as it is, and it is refused; here it is made readable.
        let text = vector.arguments[2].to_string_lossy().into_owned();
        let mut out = Vec::new();
        msgpack::encode(&upto_wire::Report::new(upto_wire::Kind::Start, "ctx", text), &mut out);
        return out;
    };
    if report.host == "vm" {
        report.host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned().into();
    }
    // Two dashes end the flags here; the original took them for the name and ignored what followed.
    if report.name == "--" {
        report.name = "-x".into();
    }
    let mut out = Vec::new();
    msgpack::encode(&report, &mut out);
    out
}

#[test]
fn every_captured_command_line_sends_its_datagram() {
    for vector in vectors() {
        let by_ipv6 = vector.arguments.contains(&"[::1]".into());
        let Ok(server) = Udp::on(if by_ipv6 { "[::1]:0" } else { "127.0.0.1:0" }) else {
            assert!(by_ipv6, "IPv4 is everywhere");
            continue;
        };
        let arguments = with_port(&vector.arguments, server.port());
        assert_eq!(run(upto_client(&[]).args(&arguments)), quiet_success(), "{arguments:?}");
        let (sent, expected) = (server.datagram(), expected(&vector));
        assert_eq!(without_time(&sent), without_time(&expected), "{arguments:?}");
        if vector.is_new {
            assert_eq!(sent, vector.datagram, "{arguments:?}");
        }
    }
}
