//! Datagrams that are damaged in every way.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Instant;

use serde_json::Value;
use upto_tests::load::{Random, datagram, start};
use upto_tests::server::Server;
use upto_wire::msgpack;

use crate::size;

/// How much more memory the server may hold at the end than when it was warm, in KiB.
const GROWTH: u64 = 16 << 10;
/// Datagrams after which what they made is waited for, so that the queue has room for all of them.
const AT_ONCE: usize = 8_192;

#[test]
fn damaged_datagrams_are_each_counted_and_harm_nobody() {
    const SEED: u64 = 0x81;
    let (count, warm, names) = size((1_000_000, 100_000, 260_000), (20_000, 10_000, 260_000));
    let vectors = vectors();
    // What a sender may bring that is new is another matter (tests/flood.rs).
    let server = Server::with(&["--new-contexts", "0", "--new-names", "0"]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let mut random = Random::of(SEED);
    let begun = Instant::now();
    // The most resident memory in KiB: until it is warm, and from then on. The names that it remembers come and go.
    let (mut warm_kib, mut most_kib) = (remember(&server, names), 0);
    let taken = server.metric("upto_datagrams_total");
    let (mut sent, mut received, mut refused) = (0, names as u64, 0);
    while sent < count {
        let datagrams: Vec<Vec<u8>> = (0..AT_ONCE.min(count - sent)).map(|_| damaged(&mut random, &vectors)).collect();
        for datagram in &datagrams {
            for report in msgpack::reports(datagram) {
                received += 1;
                refused += u64::from(report.and_then(|mut report| report.check()).is_err());
            }
        }
        server.send_paced_from(&socket, &datagrams);
        sent += datagrams.len();
        let balance = server.wait_for_rest(received);
        assert_eq!((balance.received, balance.refused), (received, refused), "seed {SEED}, after {sent}: {balance:?}");
        assert_eq!((balance.lost, balance.overflowed), (0, 0), "seed {SEED}, after {sent}: {balance:?}");
        let most = if sent <= warm { &mut warm_kib } else { &mut most_kib };
        *most = server.resident_kib().max(*most);
    }
    let counted = ["upto_datagrams_total", "upto_kernel_dropped_datagrams_total"].map(|name| server.metric(name));
    assert_eq!(counted, [taken + count as u64, 0], "seed {SEED}");
    // All was handled, so that an answer, or that of the kernel for a closed port, would be here.
    socket.set_nonblocking(true).expect("a socket can be non-blocking");
    assert_eq!(socket.recv(&mut [0; 1]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock), "seed {SEED}");
    let log = server.unread_log();
    assert!(!log.iter().any(|line| line.contains("panicked")), "seed {SEED}: {log:#?}");
    println!(
        "damaged datagrams: seed {SEED}, {count} datagrams, {} reports, {refused} refused, {warm_kib} KiB resident at the most \
         until {warm} and {most_kib} KiB after, {:.1?}",
        received - names as u64,
        begun.elapsed()
    );
    assert!(most_kib <= warm_kib + GROWTH, "seed {SEED}: from {warm_kib} to {most_kib} KiB");
    assert_eq!(server.stop().expect("it stops").0.code(), Some(0));
}

/// Reports so many steps. A server remembers 250,000 names at the most: what it takes for more is not
/// theirs. Returns the most resident memory meanwhile, in KiB.
fn remember(server: &Server, names: usize) -> u64 {
    let reports: Vec<_> = (0..names).map(|number| start(&format!("remembered-{number}"), number)).collect();
    let datagrams: Vec<Vec<u8>> = reports.chunks(8).map(|few| few.iter().flat_map(datagram).collect()).collect();
    let resident = datagrams.chunks(AT_ONCE).enumerate().map(|(number, some)| {
        server.send_paced(some);
        server.wait_for_rest((names.min((number + 1) * AT_ONCE * 8)) as u64);
        server.resident_kib()
    });
    resident.max().unwrap_or(0)
}

/// The datagrams that the original client sent, and others at the edge of what is taken.
fn vectors() -> Vec<Vec<u8>> {
    let vectors = include_str!("../../../wire/tests/data/wire-vectors.jsonl").lines().map(|line| {
        let vector: Value = serde_json::from_str(line).expect("a line of JSON");
        let hex = vector["hex"].as_str().expect("hex").to_owned();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hexadecimal digits");
        (0..hex.len()).step_by(2).map(byte).collect()
    });
    vectors.collect()
}

/// One of the vectors with bytes changed, left out or put in, cut, or joined with another one.
fn damaged(random: &mut Random, vectors: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vectors[random.below(vectors.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match (random.below(8), bytes.get_mut(at)) {
            (0..4, Some(byte)) => *byte = random.any() as u8,
            (4, Some(byte)) => *byte ^= 1 << random.below(8),
            (5, Some(_)) => drop(bytes.remove(at)),
            (6, _) => bytes.truncate(at),
            _ => bytes.extend_from_slice(&vectors[random.below(vectors.len())]),
        }
    }
    bytes
}
