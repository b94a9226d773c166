//! Senders of datagrams that bring more that is new than anybody honest does.

use std::net::UdpSocket;

use serde_json::json;
use upto_tests::server::{Balance, Server, timeline_path};
use upto_wire::{Kind, Report, msgpack};

fn datagram(context: &str, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    msgpack::encode(&Report::new(Kind::Point, context, name), &mut bytes);
    bytes
}

/// Reports refused for this cause.
fn refused(server: &Server, cause: &str) -> u64 {
    let text = server.get("/metrics").text;
    let name = format!("upto_reports_refused_total{{cause=\"{cause}\"}} ");
    let count = text.lines().find_map(|line| line.strip_prefix(&name)).expect("each cause is there from the start");
    count.parse().expect("a number")
}

fn contexts(server: &Server) -> Vec<String> {
    let page = server.get("/api/contexts?limit=1000").json();
    let contexts = page["_embedded"]["contexts"].as_array().expect("a list");
    contexts.iter().map(|context| context["name"].as_str().expect("its name").to_owned()).collect()
}

#[test]
fn a_flood_of_contexts_from_one_sender_is_capped_while_others_are_served() {
    /// Datagrams of the flood.
    const FLOOD: usize = 5_000;
    /// New contexts that are let in; one more each 3 s, which is less than the flood takes many times over.
    const LIMIT: u64 = 20;
    let server = Server::with(&["--new-contexts", &LIMIT.to_string()]);
    let other = UdpSocket::bind("127.0.0.2:0").expect("all of 127.0.0.0/8 is loopback");
    let flood: Vec<_> = (0..FLOOD).map(|number| datagram(&format!("flood {number}"), "step")).collect();
    for (number, part) in flood.chunks(FLOOD / 10).enumerate() {
        server.send_paced(part);
        other.send_to(&datagram(&format!("honest {number}"), "step"), server.udp).expect("loopback takes datagrams");
        server.wait_for_event(&format!("honest {number}"), "1", "step", "");
    }
    // What it brought before is known, and what comes by HTTP is not of its kind.
    server.send(&[&datagram("flood 0", "another step")]);
    server.wait_for_event("flood 0", "1", "another step", "");
    assert_eq!(server.post(&json!({"context": "flood by HTTP", "name": "step", "type": "point"})).status, 200);

    let balance = server.wait_for_rest(FLOOD as u64 + 12);
    let capped = refused(&server, "new_contexts");
    assert_eq!((balance.received, balance.refused, balance.overflowed), (FLOOD as u64 + 12, capped, 0), "{balance:?}");
    assert!(capped > FLOOD as u64 - 3 * LIMIT && capped <= FLOOD as u64 - LIMIT, "{capped} of {FLOOD}");
    let contexts = contexts(&server);
    assert_eq!(contexts.iter().filter(|context| context.starts_with("honest ")).count(), 10);
    assert_eq!(contexts.len() as u64, balance.stored - 1, "one has two events");
}

#[test]
fn a_flood_of_names_is_capped_and_those_that_are_known_go_on() {
    const FLOOD: usize = 5_000;
    const LIMIT: u64 = 100;
    let server = Server::with(&["--new-names", &LIMIT.to_string()]);
    let flood: Vec<_> = (0..FLOOD).map(|number| datagram("ctx", &format!("step {number}"))).collect();
    server.send_paced(&flood);
    let balance = server.wait_for_rest(FLOOD as u64);
    assert_eq!((balance.refused, refused(&server, "new_contexts")), (refused(&server, "new_names"), 0));
    let events = server.get(&timeline_path("ctx", "1")).json()["events"].as_u64().expect("a number");
    assert_eq!(events, balance.stored);
    assert!((LIMIT..3 * LIMIT).contains(&events), "{events} events");
    server.send_paced(&vec![datagram("ctx", "step 0"); 1_000]);
    let again = server.wait_for_rest(FLOOD as u64 + 1_000);
    assert_eq!((again.stored, again.refused), (balance.stored + 1_000, balance.refused));
}

#[test]
fn a_flood_is_not_capped_where_the_configuration_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("upto.toml"), "new_contexts = 0\nnew_names = 0\n").expect("it can be written");
    let server = Server::in_folder(folder, &[]);
    let flood: Vec<_> = (0..1_100).map(|number| datagram(&format!("context {number}"), "step")).collect();
    server.send_paced(&flood);
    let Balance { stored, refused, .. } = server.wait_for_rest(flood.len() as u64);
    assert_eq!((stored, refused), (flood.len() as u64, 0));
}
