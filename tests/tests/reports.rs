//! Reports by datagram and by the client: what they make, and that each is accounted for.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::process::Command;

use serde_json::{Value, json};
use upto_tests::server::{Balance, Server, encode, run};
use upto_wire::{Kind, Labels, Report, Status, Time, msgpack};

fn datagram(report: &Report<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    msgpack::encode(report, &mut bytes);
    bytes
}

fn at(report: Report<'_>, time: &str) -> Vec<u8> {
    datagram(&Report { time: Some(Time::parse(time).expect("a time")), ..report })
}

/// Runs the client, which must neither fail nor say anything.
fn quietly(client: &mut Command, arguments: &[&str]) {
    let ended = run(client.args(arguments));
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "", ""), "{arguments:?}");
}

/// A client that reports by HTTP and says if a report was not taken.
fn by_http(server: &Server) -> Command {
    let mut client = server.client();
    client.env("UPTO_URL", server.url("")).env("UPTO_FAIL", "1");
    client
}

#[test]
fn captured_datagrams_of_the_original_client_make_the_events_that_it_meant() {
    let vectors: Vec<Value> = include_str!("../../wire/tests/data/wire-vectors.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let server = Server::start();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for vector in &vectors {
        let hex = vector["hex"].as_str().expect("hex");
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hexadecimal digits");
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        socket.send_to(&bytes, server.udp).expect("loopback takes datagrams");
    }
    let balance = server.wait_for_rest(vectors.len() as u64);
    assert_eq!((balance.refused, balance.stored), (5, vectors.len() as u64 - 5));
    for (cause, count) in [("missing_context", 2), ("missing_name", 1), ("too_long", 1), ("invalid_utf8", 1)] {
        let line = format!("upto_reports_refused_total{{cause=\"{cause}\"}} {count}\n");
        assert!(server.get("/metrics").text.contains(&line), "{line}");
    }

    let name = |index: usize| vectors[index]["decoded"]["name"].as_str().expect("a name");
    let time = |index: usize| {
        let utc = vectors[index]["decoded"]["time"]["utc"].as_str().expect("a time");
        json!(format!("{}Z", &utc[..utc.len() - "975Z".len()]))
    };
    let time = |index: Option<usize>| index.map_or(Value::Null, time);
    // Context, timeline, the vector with the name, host; then the vectors of the start, the latest start and the end.
    let expected = [
        ("ctx", "1", 1, "", Some(1), None, Some(2)),
        ("ctx", "1", 4, "127.0.0.1", Some(4), Some(5), None),
        ("ctx", "1", 6, "vm", Some(6), Some(7), None),
        ("ctx", "1", 8, "web-01", Some(9), Some(10), Some(8)),
        ("ctx", "3", 13, "", Some(13), None, None),
        ("Bäckerei 部署", "1", 15, "", Some(15), None, None),
        ("ctx", "3", 16, "hôte-ñ", Some(16), None, None),
        ("a/b c.d", "1", 17, "", Some(17), None, None),
        ("ctx", "3", 20, "", Some(20), None, None),
        ("ctx", "3", 21, "", Some(21), None, None),
        ("ctx", "3", 22, "", Some(22), None, None),
        ("ctx", "4", 26, "", Some(27), Some(28), Some(26)),
    ];
    for (context, timeline, named, host, start, restart, end) in expected {
        let event = server.event(context, timeline, name(named), host);
        let event = event.unwrap_or_else(|| panic!("no {:?} on {host:?} in {context} {timeline}", name(named)));
        let times = [&event["started_at"], &event["restarted_at"], &event["ended_at"]];
        assert_eq!(times, [&time(start), &time(restart), &time(end)], "{event}");
    }
    let counts =
        ["1", "2", "3", "4"].map(|timeline| server.timeline("ctx", timeline).expect("made by new")["events"].clone());
    assert_eq!(counts, [json!(4), json!(0), json!(5), json!(1)]);
    assert_eq!(server.timeline("ctx", "5"), None);

    // All was handled, so that an answer, or that of the kernel for a closed port, would be here.
    socket.set_nonblocking(true).expect("a socket can be non-blocking");
    assert_eq!(socket.recv(&mut [0; 1]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
}

#[test]
fn what_the_client_reports_is_an_event_with_its_host_status_and_labels() {
    let server = Server::start();
    for (url, context) in [(format!("udp://{}", server.udp), "by UDP"), (server.url(""), "by HTTP")] {
        let client = || {
            let mut client = server.client();
            client.env("UPTO_URL", &url).env("UPTO_FAIL", "1");
            client
        };
        quietly(&mut client(), &["new", context, "--timeline", "build 7", "--label", "branch=main"]);
        quietly(&mut client(), &["-n", "db-2", "--label", "by=start", "start", context, "db.migrate"]);
        quietly(
            &mut client(),
            &["end", context, "db.migrate", "-n", "db-2", "--status", "timeout", "--label", "rows=9"],
        );
        quietly(&mut client(), &["event", context, "switched over"]);
        let point = match url.starts_with("udp") {
            true => server.wait_for_event(context, "latest", "switched over", ""),
            // The client comes back once it is stored.
            false => server.event(context, "latest", "switched over", "").expect("readable at once"),
        };
        assert_eq!((&point["kind"], &point["state"]), (&json!("point"), &json!("ended")));
        assert_eq!(point["started_at"], point["ended_at"]);
        let event = server.event(context, "build 7", "db.migrate", "db-2").expect("reported before the point");
        assert_eq!((&event["state"], &event["status"]), (&json!("failed"), &json!("timeout")), "{event}");
        assert_eq!((&event["labels"], &event["functions"]), (&json!({"by": "start", "rows": "9"}), &json!([])));
        let time = |field: &str| Time::parse(event[field].as_str().expect(field)).expect("RFC 3339");
        let took = time("ended_at").seconds_since(time("started_at"));
        assert!(took > 0.0 && event["duration_s"] == json!(took), "{event}");
        let timeline = server.timeline(context, "latest").expect("made by new");
        assert_eq!((&timeline["name"], &timeline["labels"]), (&json!("build 7"), &json!({"branch": "main"})));
        assert_eq!((&timeline["state"], &timeline["events"]), (&json!("failed"), &json!(2)));
    }
}

#[test]
fn the_server_fills_in_the_address_of_a_sender_who_asks_for_it() {
    let server = Server::start();
    quietly(&mut server.client(), &["-i", "start", "ctx", "by UDP"]);
    server.wait_for_event("ctx", "1", "by UDP", "127.0.0.1");
    quietly(&mut by_http(&server), &["-i", "start", "ctx", "by HTTP"]);
    assert!(server.event("ctx", "1", "by HTTP", "127.0.0.1").is_some());
    quietly(&mut by_http(&server), &["-i", "-n", "web-1", "start", "ctx", "named"]);
    assert!(server.event("ctx", "1", "named", "web-1").is_some(), "a name wins over the address");
}

#[test]
fn reports_go_to_the_newest_timeline_or_to_the_one_they_name() {
    let server = Server::start();
    quietly(&mut by_http(&server), &["start", "ctx", "first"]);
    quietly(&mut by_http(&server), &["new", "ctx"]);
    quietly(&mut by_http(&server), &["start", "ctx", "second"]);
    quietly(&mut by_http(&server), &["start", "ctx", "third", "--timeline", "gh-3"]);
    quietly(&mut by_http(&server), &["new", "ctx", "--timeline", "gh-3"]);
    quietly(&mut by_http(&server), &["new", "ctx"]);
    quietly(&mut by_http(&server), &["start", "ctx", "third again", "--timeline", "gh-3"]);
    for (timeline, name) in [("1", "first"), ("2", "second"), ("3", "third"), ("gh-3", "third again")] {
        assert!(server.event("ctx", timeline, name, "").is_some(), "{name}");
    }
    let latest = server.timeline("ctx", "latest").expect("there is one");
    assert_eq!((&latest["number"], &latest["events"]), (&json!(4), &json!(0)), "new with a known name makes none");
}

#[test]
fn an_end_finds_its_start_in_an_older_timeline() {
    let server = Server::start();
    quietly(&mut by_http(&server), &["start", "ctx", "long"]);
    quietly(&mut by_http(&server), &["new", "ctx"]);
    quietly(&mut by_http(&server), &["end", "ctx", "long"]);
    let event = server.event("ctx", "1", "long", "").expect("started there");
    assert_eq!(event["state"], "ended");
    assert_eq!(server.event("ctx", "2", "long", ""), None);
    // It runs nowhere any more: another end is kept where it came.
    quietly(&mut by_http(&server), &["end", "ctx", "long"]);
    assert_eq!(server.event("ctx", "2", "long", "").expect("kept")["state"], "waiting");
}

#[test]
fn run_exits_as_its_command_did_and_reports_that() {
    let server = Server::start();
    let ended = run(server.client().args(["run", "ctx", "build", "--", "sh", "-c", "echo out; exit 3"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), "out\n"));
    let failed = server.wait_for("the end of build", |server| {
        server.event("ctx", "1", "build", "").filter(|event| event["state"] == "failed")
    });
    assert_eq!((&failed["status"], &failed["labels"]), (&json!("failure"), &json!({"exit_code": "3"})));
    let within = format!("{} start compile", upto_tests::server::bin_dir().join("upto-client").display());
    let ended = run(by_http(&server).args(["run", "ctx", "make", "--", "sh", "-c", &within]));
    assert_eq!(ended.code, Some(0));
    assert_eq!(server.event("ctx", "1", "make", "").expect("reported")["status"], "success");
    assert!(server.event("ctx", "1", "make.compile", "").is_some(), "a client within reports below it");
}

#[test]
fn show_prints_a_timeline_of_the_real_api() {
    let server = Server::start();
    let reports = json!([
        {"context": "deploy of shop", "type": "new", "timeline": "gh-8812"},
        {"context": "deploy of shop", "name": "build", "type": "start", "time": "2026-11-22T14:00:00Z", "host": "web-1"},
        {"context": "deploy of shop", "name": "db.migrate", "type": "start", "time": "2026-11-22T14:00:01.5Z"},
        {"context": "deploy of shop", "name": "db.migrate", "type": "end", "time": "2026-11-22T14:02:32.5Z", "status": "timeout"},
    ]);
    assert_eq!(server.post(&reports).status, 200);
    let shown = run(by_http(&server).args(["show", "deploy of shop"]));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let lines: Vec<Vec<&str>> = shown.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(shown.stdout.starts_with("deploy of shop 1 (gh-8812): running, "), "{}", shown.stdout);
    assert_eq!(lines[1], ["START", "TOOK", "STATE", "HOST", "EVENT"]);
    assert_eq!(lines[2], ["+0.000", "s", "running", "web-1", "build"]);
    assert_eq!(lines[3], ["+1.500", "s", "2", "m", "31", "s", "failed", "(timeout)", "db.migrate"]);
    let missing = run(by_http(&server).args(["show", "deploy of shop", "nothing"]));
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(1), ""));
    assert!(missing.stderr.contains("404") && missing.stderr.contains("nothing"), "{}", missing.stderr);
    for context in [".", "..", "name:x"] {
        assert_eq!(run(by_http(&server).args(["start", context, "step"])).code, Some(0));
        let shown = run(by_http(&server).args(["show", context]));
        assert!(shown.stdout.starts_with(&format!("{context} 1: running")), "{shown:?}");
    }
}

#[test]
fn a_faulty_report_costs_only_itself() {
    let server = Server::start();
    let good = |name: &'static str| datagram(&Report::new(Kind::Start, "ctx", name));
    let faulty = datagram(&Report::new(Kind::Start, "", "no context"));
    let truncated = good("truncated")[..20].to_vec();
    let mixed = [good("before"), faulty.clone(), good("after")].concat();
    server.send(&[&good("first"), b"", &truncated, b"\xc1garbage", &mixed, &faulty, &good("last")]);
    let balance = server.wait_for_rest(9);
    assert_eq!((balance.received, balance.stored, balance.refused), (9, 4, 5));
    for name in ["first", "before", "after", "last"] {
        assert!(server.event("ctx", "1", name, "").is_some(), "{name}");
    }
}

#[test]
fn a_report_by_datagram_can_say_all_that_one_by_http_can() {
    let server = Server::start();
    let labels: Labels<'_> = [("ключ", "значение"), ("empty", "")].into_iter().collect();
    let mut report = Report::new(Kind::End, "ctx", ".a..b.");
    (report.labels, report.status, report.timeline) = (labels, Some(Status::Cancelled), Some("n".into()));
    server.send(&[&at(report, "2026-11-22T14:00:00.123456Z")]);
    let event = server.wait_for_event("ctx", "n", "a.b", "");
    assert_eq!(event["labels"], json!({"empty": "", "ключ": "значение"}));
    assert_eq!((&event["status"], &event["state"]), (&json!("cancelled"), &json!("waiting")));
    assert_eq!((&event["started_at"], &event["ended_at"]), (&Value::Null, &json!("2026-11-22T14:00:00.123456Z")));
}

#[test]
fn every_one_of_thousands_of_good_and_hostile_reports_is_accounted_for() {
    const DATAGRAMS: usize = 10_000;
    let server = Server::start();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut datagrams, mut good) = (Vec::with_capacity(DATAGRAMS), 0);
    for number in 0..DATAGRAMS {
        let name = format!("step {number}");
        let bad = datagram(&Report::new(Kind::Start, "hostile", name.as_str()));
        datagrams.push(match number % 8 {
            0..3 => {
                good += 1;
                datagram(&Report::new(Kind::Start, "good", name.as_str()))
            }
            3 => bad[..random.below(bad.len())].to_vec(),
            4 => (0..random.below(300)).map(|_| random.below(256) as u8).collect(),
            5 => {
                let (mut bytes, at) = (bad, random.below(60));
                let at = at % bytes.len();
                bytes[at] = random.below(256) as u8;
                bytes
            }
            // An array that promises 65,535 items, nesting without an end, several reports of which one is faulty.
            6 if number % 16 == 6 => [b"\xdc\xff\xff".as_slice(), &bad].concat(),
            6 => vec![0x91; 1 + random.below(1_000)],
            _ => [bad.clone(), datagram(&Report::new(Kind::Start, "", "faulty")), bad].concat(),
        });
    }
    // What a message holds is for `upto-wire` to say; its own tests see to that.
    let held: usize = datagrams.iter().map(|datagram| msgpack::reports(datagram).count()).sum();
    server.send_paced(&datagrams);
    let Balance { received, stored, refused, overflowed, lost, .. } = server.wait_for_rest(held as u64);
    assert_eq!(server.metric("upto_datagrams_total"), DATAGRAMS as u64);
    assert_eq!(server.metric("upto_kernel_dropped_datagrams_total"), 0);
    assert_eq!((received, overflowed, lost), (held as u64, 0, 0));
    assert_eq!(stored + refused, received);
    assert!(refused > DATAGRAMS as u64 / 3, "{refused} are refused");
    let path = format!("/api/contexts/{}", encode("good"));
    assert_eq!(server.get(&path).json()["_embedded"]["latest"]["events"], good);
}

/// Numbers that are the same at each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }
}
