//! Clients that take up connections: silent ones, those that trickle, and those that never end a body.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use upto_tests::server::{PATIENCE, Server};

/// Connections that a server has at the same time.
const MAX_CONNECTIONS: usize = 5_000;
/// What one of these tests opens.
const OPENED: usize = 6_000;

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.http).expect("the server takes connections");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
    stream
}

/// Sends what it can: whoever was made room of can't send any more.
fn send(mut stream: &TcpStream, bytes: &str) {
    let _ = stream.write_all(bytes.as_bytes());
}

/// All that the server still says; empty where it said nothing and closed.
fn rest(mut stream: &TcpStream) -> String {
    let mut text = String::new();
    match stream.read_to_string(&mut text) {
        Ok(_) => text,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => text,
        Err(error) => panic!("the server left the connection open: {error}"),
    }
}

fn point(number: usize) -> Value {
    json!({"context": "ctx", "name": format!("step {number}"), "type": "point"})
}

#[test]
fn thousands_of_silent_and_trickling_connections_keep_nobody_else_waiting() {
    // Each is a file of this process, too.
    let files = rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be raised");
    assert!(files > OPENED as u64 + 500, "{files} files may be open, which is too few to show anything");
    let server = Server::start();
    let before = server.resident_kib();
    let mut crowd = Vec::with_capacity(OPENED);
    for number in 0..OPENED {
        let stream = connect(&server);
        match number % 3 {
            0 => {}
            1 => send(&stream, "POST /api/events HTTP/1.1\r\nhost: localhost\r\nx-slow: "),
            // Its head is whole, and a body of 4 MiB is promised.
            _ => send(
                &stream,
                "POST /api/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                 content-length: 4000000\r\n\r\n[",
            ),
        }
        crowd.push(stream);
        if number % 100 == 99 {
            crowd.iter().skip(1).step_by(3).for_each(|stream| send(stream, "z"));
            assert_eq!(server.post(&point(number)).status, 200, "with {number} connections");
            assert_eq!(server.get("/livez").status, 200, "with {number} connections");
        }
    }
    let closed = server.metric("upto_connections_closed_total") as usize;
    assert!(closed >= OPENED - MAX_CONNECTIONS, "{closed} made room");
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 100 << 10, "{grown} KiB more are resident");
    drop(crowd);
    assert_eq!(server.timeline("ctx", "1").expect("stored")["events"], OPENED / 100);
}

#[test]
fn a_head_has_a_limit() {
    let server = Server::start();
    let answer = |bytes: usize| {
        let stream = connect(&server);
        let long = "x".repeat(bytes);
        send(
            &stream,
            &format!("GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-long: {long}\r\n\r\n"),
        );
        rest(&stream)
    };
    assert!(answer(15 << 10).starts_with("HTTP/1.1 200 "));
    // The answer may be lost, as the connection is closed before all that was sent is read.
    let refused = answer(17 << 10);
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431 "), "{refused}");
}

#[test]
fn a_body_that_trickles_is_cut_with_408_and_takes_no_place_of_others() {
    const SLOW: usize = 100;
    let server = Server::start();
    let head = "POST /api/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    // Together they promise far more than may be in memory.
    let slow: Vec<TcpStream> = (0..SLOW)
        .map(|number| {
            let stream = connect(&server);
            let length = if number % 2 == 0 { "content-length: 4000000" } else { "transfer-encoding: chunked" };
            send(&stream, &format!("{head}{length}\r\n\r\n1\r\n[\r\n"));
            stream
        })
        .collect();
    assert_eq!(server.post(&point(0)).status, 200);
    let trickles: Vec<_> = slow.iter().map(|stream| stream.try_clone().expect("a copy")).collect();
    std::thread::scope(|scope| {
        // It goes on for as long as the server takes it.
        scope.spawn(move || {
            for mut stream in &trickles {
                let _ = stream.write_all(b"1\r\n \r\n");
            }
        });
        for stream in &slow {
            let answer = rest(stream);
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
            assert!(answer.contains("application/problem+json") && answer.contains("8 KiB"), "{answer}");
        }
    });
    assert_eq!(server.post(&point(1)).status, 200);
}

#[test]
fn a_head_that_does_not_end_is_cut() {
    let server = Server::start();
    let (silent, half, idle) = (connect(&server), connect(&server), connect(&server));
    send(&half, "GET /livez HTTP/1.1\r\nx-slow: ");
    send(&idle, "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(rest(&silent), "");
    assert!(!rest(&half).contains("200"));
    assert!(rest(&idle).starts_with("HTTP/1.1 200 OK"), "and is closed when nothing follows");
}
