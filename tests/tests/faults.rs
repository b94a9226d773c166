//! What is promised when something goes wrong between a report and its event.

use serde_json::{Value, json};
use upto_tests::server::{Balance, Server};
use upto_wire::{Kind, Report, msgpack};

fn step(kind: &str, at: u32) -> Value {
    let time = format!("2026-11-22T14:00:{at:02}Z");
    json!({"context": "deploy", "name": "step", "type": kind, "time": time})
}

fn states(server: &Server) -> [Value; 2] {
    ["1", "2"].map(|timeline| {
        let event = server.event("deploy", timeline, "step", "");
        event.map_or(Value::Null, |event| event["state"].clone())
    })
}

#[test]
fn an_end_before_the_next_start_ends_the_run_before_however_they_are_batched() {
    let reports = [step("start", 1), json!({"context": "deploy", "type": "new"}), step("end", 2), step("start", 3)];
    let (one_by_one, together) = (Server::start(), Server::start());
    for report in &reports {
        assert_eq!(one_by_one.post(report).status, 200);
    }
    assert_eq!(together.post(&json!(reports)).status, 200);
    assert_eq!(states(&one_by_one), ["ended", "running"]);
    assert_eq!(states(&together), ["ended", "running"]);
}

#[test]
fn an_end_that_is_sent_again_changes_nothing() {
    let server = Server::start();
    let reports = json!([step("start", 1), {"context": "deploy", "type": "new"}, step("end", 2)]);
    assert_eq!(server.post(&reports).status, 200);
    for _ in 0..2 {
        assert_eq!(server.post(&step("end", 2)).status, 200);
    }
    assert_eq!(states(&server), [json!("ended"), Value::Null]);
}

#[test]
fn datagrams_that_the_kernel_holds_at_the_stop_are_stored() {
    const COUNT: usize = 5_000;
    let server = Server::start();
    let datagrams: Vec<Vec<u8>> = (0..COUNT)
        .map(|number| {
            let mut datagram = Vec::new();
            msgpack::encode(&Report::new(Kind::Point, "deploy", format!("point-{number}")), &mut datagram);
            datagram
        })
        .collect();
    server.send(&datagrams.iter().map(Vec::as_slice).collect::<Vec<_>>());
    // Loopback has put each of them into the socket's buffer, or counted that it had no room.
    let (status, folder) = server.stop().expect("it stops");
    assert_eq!(status.code(), Some(0));
    let server = Server::in_folder(folder, &[]);
    let stored = server.timeline("deploy", "1").expect("there")["events"].as_u64().expect("a number") as usize;
    // A buffer of the size that the system gives to anybody holds some hundred datagrams; the server runs besides.
    assert!(stored > 200, "{stored} of {COUNT}");
}

#[test]
fn what_the_kernel_drops_is_counted_without_another_datagram() {
    const COUNT: usize = 100_000;
    let server = Server::start();
    let mut datagram = Vec::new();
    msgpack::encode(&Report::new(Kind::Point, "deploy", "point"), &mut datagram);
    server.signal(libc::SIGSTOP);
    server.send(&vec![datagram.as_slice(); COUNT]);
    server.signal(libc::SIGCONT);
    server.wait_for("the count of all datagrams", |server| {
        let came = server.metric("upto_datagrams_total") + server.metric("upto_kernel_dropped_datagrams_total");
        (came == COUNT as u64).then_some(())
    });
    assert!(
        server.metric("upto_kernel_dropped_datagrams_total") > 0,
        "the buffer holds them all: the test shows nothing"
    );
    server.wait_for("rest", |server| Balance::of(server).is_even().then_some(()));
}

#[test]
fn a_body_of_millions_of_faulty_reports_takes_bounded_memory_and_a_short_answer() {
    let server = Server::start();
    let mut body = vec![0xdd, 0x00, 0x3d, 0x09, 0x00];
    body.resize(4_000_005, 0x01);
    let answer = server.post_as("/api/events", "application/msgpack", &body);
    assert_eq!(answer.status, 400);
    assert!(answer.text.len() < 4 << 20, "an answer of {} bytes", answer.text.len());
    assert!(server.resident_kib() < 200 << 10, "{} KiB are resident", server.resident_kib());
}

#[test]
fn names_that_no_store_can_hold_are_a_bad_request() {
    let server = Server::start();
    assert_eq!(server.post(&step("start", 1)).status, 200);
    for path in ["/api/contexts/%00", "/api/contexts/deploy/timelines/1/events/a%00", "/api/contexts?after=%00"] {
        let answer = server.get(path);
        assert!(answer.status < 500, "{path}: {answer:?}");
    }
}
