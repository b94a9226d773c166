//! Bodies that are compressed: what is taken, what is refused, and what a bomb costs.

use std::fs;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use upto_tests::components;
use upto_tests::server::{Answer, Server, agent};

/// Bytes of a body of reports at the most, as it is sent.
const MAX_BODY: usize = 4 << 20;
/// Bytes of it once it is decompressed.
const MAX_UNPACKED: usize = 16 << 20;

fn gzip(content: &mut dyn Read) -> Vec<u8> {
    pack(GzEncoder::new(Vec::new(), Compression::fast()), content).finish().expect("memory takes it")
}

fn zstd(content: &mut dyn Read) -> Vec<u8> {
    pack(zstd::Encoder::new(Vec::new(), 1).expect("a level"), content).finish().expect("memory takes it")
}

fn pack<W: Write>(mut encoder: W, content: &mut dyn Read) -> W {
    std::io::copy(content, &mut encoder).expect("memory takes it");
    encoder
}

fn send(url: &str, coding: &str, body: &[u8]) -> Answer {
    let request = agent().post(url).header("content-type", "application/x-ndjson").header("content-encoding", coding);
    Answer::of(request.send(body).expect("the server answers"))
}

fn problem(answer: &Answer, status: u16) -> String {
    assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{answer:?}");
    answer.json()["detail"].as_str().expect("a detail").to_owned()
}

/// Reports of a context in lines.
fn lines(context: &str, count: usize, padding: usize) -> Vec<u8> {
    let line = |number| {
        let labels = json!({"padding": "x".repeat(padding)});
        json!({"context": context, "name": format!("step {number}"), "type": "point", "labels": labels}).to_string()
    };
    (0..count).map(line).collect::<Vec<_>>().join("\n").into_bytes()
}

#[test]
fn compressed_reports_are_taken_also_where_they_are_larger_than_what_may_be_sent() {
    let server = Server::start();
    for (coding, packed) in [("gzip", gzip as fn(&mut dyn Read) -> Vec<u8>), ("zstd", zstd)] {
        let (one, other) = (lines(coding, 5_000, 1_000), lines(coding, 1, 0));
        assert!(one.len() > MAX_BODY && one.len() < MAX_UNPACKED);
        // In several parts, as tools that append to a file make them.
        let parts = [packed(&mut &*one), packed(&mut &b"\n"[..]), packed(&mut &*other)].concat();
        let answer = send(&server.url("/api/events"), coding, &parts);
        assert_eq!((answer.status, answer.json()), (200, json!({"accepted": 5_001, "rejected": []})), "{coding}");
        assert_eq!(server.timeline(coding, "1").expect("stored")["events"], 5_000);
        let request =
            agent().post(server.url("/api/contexts/made/timelines")).header("content-type", "application/json");
        let made = request
            .header("content-encoding", coding)
            .send(packed(&mut json!({"name": coding}).to_string().as_bytes()));
        let made = Answer::of(made.expect("the server answers"));
        assert_eq!((made.status, &made.json()["name"]), (201, &Value::from(coding)));
    }
    assert_eq!(send(&server.url("/api/events"), "identity", &lines("plain", 1, 0)).status, 200);
}

/// Where nothing is gained by the coding, both forms are in memory for a moment.
#[test]
fn a_large_function_has_room_in_both_forms() {
    let server = Server::with(&["--large-components"]);
    let component = components::padded(components::bomb(1, 1), 18 << 20);
    let packed = pack(GzEncoder::new(Vec::new(), Compression::none()), &mut &*component).finish();
    let request = agent().put(server.url("/api/functions/a")).header("content-type", "application/wasm");
    let request = request.header("content-encoding", "gzip").send(packed.expect("memory takes it"));
    let detail = problem(&Answer::of(request.expect("the server answers")), 422);
    assert!(detail.contains("exports neither") || detail.contains("x86-64 only"), "{detail}");
}

#[test]
fn a_bomb_is_answered_with_413_and_costs_no_more_than_its_limit() {
    /// Bytes of a bomb, decompressed.
    const BOMB: u64 = 512 << 20;
    /// That come at the same time.
    const TOGETHER: usize = 16;
    let server = Server::start();
    let url = server.url("/api/events");
    let before = server.resident_kib();
    for (coding, bomb) in
        [("gzip", gzip(&mut std::io::repeat(b' ').take(BOMB))), ("zstd", zstd(&mut std::io::repeat(b' ').take(BOMB)))]
    {
        assert!(bomb.len() < MAX_BODY, "{coding}: {}", bomb.len());
        std::thread::scope(|scope| {
            let answers: Vec<_> = (0..TOGETHER).map(|_| scope.spawn(|| send(&url, coding, &bomb))).collect();
            for answer in answers {
                let answer = answer.join().expect("an answer");
                // Those that find no room among the bodies may come again.
                assert!(answer.status == 413 || answer.status == 503, "{answer:?}");
            }
        });
        let detail = problem(&send(&url, coding, &bomb), 413);
        assert!(detail.contains(&MAX_UNPACKED.to_string()), "{detail}");
    }
    // One of them, decompressed as a whole, would be twice as much. What the bodies hold is a fraction of this; the
    // allocator keeps some of what was freed.
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < BOMB >> 11, "{grown} KiB more are resident");
    assert_eq!(server.metric("upto_reports_received_total"), 0);
}

#[test]
fn what_can_not_be_decompressed_is_told_and_nothing_of_it_is_taken() {
    let server = Server::start();
    let url = server.url("/api/events");
    let content = lines("ctx", 100, 100);
    for (coding, packed) in [("gzip", gzip(&mut &*content)), ("zstd", zstd(&mut &*content))] {
        let garbage = [&packed, b"garbage".as_slice()].concat();
        for corrupt in [&packed[..packed.len() / 2], &packed[..packed.len() - 1], &garbage, &content] {
            let detail = problem(&send(&url, coding, corrupt), 400);
            assert!(detail.contains(coding), "{detail}");
        }
        // It is no frame, or one of nothing.
        problem(&send(&url, coding, b""), 400);
    }
    for coding in ["br", "deflate", "gzip, gzip"] {
        let answer = send(&url, coding, &content);
        assert_eq!(answer.header("accept-encoding"), "gzip, zstd");
        assert!(problem(&answer, 415).contains(coding), "{answer:?}");
    }
    let mut random = vec![0; MAX_BODY + 1];
    fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random)).expect("random bytes");
    assert!(problem(&send(&url, "zstd", &random), 413).contains(&MAX_BODY.to_string()));
    assert_eq!(server.metric("upto_reports_stored_total"), 0);
    assert_eq!(server.get("/api/contexts/ctx").status, 404);
}

#[test]
fn a_webhook_gets_the_bytes_that_were_signed() {
    let scripts = tempfile::tempdir().expect("a temporary folder");
    let source = "function receive(request)\n  \
                  return {context = \"hook\", name = request.headers[\"content-encoding\"] .. #request.body, type = \"point\"}\nend\n";
    fs::write(scripts.path().join("size.lua"), source).expect("it can be written");
    let server = Server::with(&["--scripts", scripts.path().to_str().expect("UTF-8")]);
    let packed = gzip(&mut &b"[]"[..]);
    assert_eq!(send(&server.url("/hooks/size"), "gzip", &packed).status, 200);
    assert!(server.event("hook", "1", &format!("gzip{}", packed.len()), "").is_some(), "as it was sent");
}
