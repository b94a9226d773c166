//! The commands that send one report: what is sent, where to, and what they exit with.

mod support;

use std::time::{Duration, Instant, SystemTime};

use support::{DeadPort, Ended, Http, Udp, decode, quiet_success, run, upto_client};
use upto_wire::{Kind, Labels, Report, Status, Time};

fn now_micros() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as i64
}

fn sent(arguments: &[&str], environment: &[(&str, &str)]) -> Report<'static> {
    let server = Udp::new();
    let mut command = upto_client(arguments);
    command.env("UPTO_URL", server.url()).envs(environment.iter().copied());
    assert_eq!(run(&mut command), quiet_success(), "{arguments:?}");
    server.report()
}

fn wrong_usage(arguments: &[&str]) -> String {
    let ended = run(&mut upto_client(arguments));
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments:?}: {ended:?}");
    assert!(ended.stderr.starts_with("upto-client: "), "{ended:?}");
    ended.stderr
}

#[test]
fn each_command_has_its_short_word_and_its_kind() {
    for (word, kind) in [("start", Kind::Start), ("s", Kind::Start), ("end", Kind::End), ("e", Kind::End)] {
        assert_eq!(sent(&[word, "ctx", "ev"], &[]).kind, kind);
    }
    for (word, kind) in [("event", Kind::Point), ("v", Kind::Point)] {
        assert_eq!(sent(&[word, "ctx", "ev"], &[]).kind, kind);
    }
    for word in ["new", "n"] {
        assert_eq!(sent(&[word, "ctx"], &[]), Report::new(Kind::New, "ctx", ""));
    }
}

#[test]
fn the_time_is_now() {
    let before = now_micros();
    let time = sent(&["start", "ctx", "ev"], &[]).time.unwrap();
    assert!((Time::from_micros(before)..=Time::from_micros(now_micros())).contains(&time));
}

#[test]
fn flags_beyond_the_original() {
    let report =
        sent(&["end", "ctx", "--timeline", "gh-1", "ev", "--label", "a=1", "-label=b=2=3", "--status=timeout"], &[]);
    assert_eq!(report.timeline.as_deref(), Some("gh-1"));
    assert_eq!(report.status, Some(Status::Timeout));
    assert_eq!(report.labels, [("a", "1"), ("b", "2=3")].into_iter().collect::<Labels<'_>>());
    let new = sent(&["new", "ctx", "--timeline", "gh-1", "--label", "branch=main"], &[]);
    assert_eq!((new.timeline.as_deref(), new.labels.get("branch"), new.time), (Some("gh-1"), Some("main"), None));
}

#[test]
fn autohost_wins_over_hostname_as_it_did() {
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(sent(&["-a", "-n", "web", "start", "ctx", "ev"], &[]).host, own.trim());
}

#[test]
fn the_context_may_be_left_out_where_the_environment_has_it() {
    let ours = [("UPTO_CONTEXT", "ours")];
    let context = |arguments: &[&str]| {
        let report = sent(arguments, &ours);
        (report.context.into_owned(), report.name.into_owned())
    };
    assert_eq!(context(&["start", "ev"]), ("ours".into(), "ev".into()));
    assert_eq!(context(&["start", "other", "ev"]), ("other".into(), "ev".into()));
    assert_eq!(context(&["new"]), ("ours".into(), String::new()));
    assert_eq!(context(&["new", "other"]), ("other".into(), String::new()));
    assert!(wrong_usage(&["start", "ev"]).contains("start takes CONTEXT and EVENT (UPTO_CONTEXT is not set)"));
}

#[test]
fn parent_and_timeline_belong_to_their_context() {
    let inside = [("UPTO_CONTEXT", "ours"), ("UPTO_PARENT", "build.linux"), ("UPTO_TIMELINE", "gh-1")];
    let here = sent(&["start", "ev"], &inside);
    assert_eq!((&*here.name, here.timeline.as_deref()), ("build.linux.ev", Some("gh-1")));
    let there = sent(&["start", "other", "ev"], &inside);
    assert_eq!((&*there.name, there.timeline), ("ev", None));
    let new = sent(&["new"], &inside);
    assert_eq!((&*new.name, new.timeline.as_deref()), ("", Some("gh-1")));
    let flag = sent(&["start", "ev", "--timeline", "gh-2"], &inside);
    assert_eq!(flag.timeline.as_deref(), Some("gh-2"));
    let without_context = sent(&["start", "any", "ev"], &inside[1..]);
    assert_eq!((&*without_context.name, without_context.timeline.as_deref()), ("build.linux.ev", Some("gh-1")));
    let empty = sent(&["start", "any", "ev"], &[("UPTO_PARENT", ""), ("UPTO_TIMELINE", "")]);
    assert_eq!((&*empty.name, empty.timeline), ("ev", None));
}

#[test]
fn flags_for_the_server_win_over_the_environment() {
    let (by_flag, by_environment) = (Udp::new(), Udp::new());
    let port = by_flag.port().to_string();
    let mut command = upto_client(&["--rp", &port, "start", "ctx", "ev"]);
    assert_eq!(run(command.env("UPTO_URL", by_environment.url())), quiet_success());
    assert_eq!(by_flag.report().name, "ev");
    assert!(by_environment.is_quiet());
    let mut command = upto_client(&["--rh", "localhost", "--rp", &port, "start", "ctx", "ev"]);
    assert_eq!(run(command.env("UPTO_URL", "not looked at")), quiet_success());
    assert_eq!(by_flag.report().name, "ev");
}

#[test]
fn localhost_reaches_a_server_on_either_loopback_address() {
    let Ok(server) = Udp::on("[::1]:0") else { return };
    let port = server.port().to_string();
    assert_eq!(run(&mut upto_client(&["--rp", &port, "start", "ctx", "ev", "--fail"])), quiet_success());
    assert_eq!(server.report().name, "ev");
}

#[test]
fn a_dead_server_costs_nothing_and_is_told_only_on_request() {
    let dead = DeadPort::new();
    let port = dead.port().to_string();
    let line = ["--rp", &port, "start", "ctx", "ev"];
    assert_eq!(run(&mut upto_client(&line)), quiet_success());
    let verbose = run(upto_client(&line).arg("-v"));
    assert_eq!(verbose.code, 0);
    assert!(verbose.stderr.starts_with("upto-client: start ev: udp://localhost:"), "{verbose:?}");
    let failing = run(upto_client(&line).arg("--fail"));
    assert_eq!((failing.code, &failing.stderr), (1, &verbose.stderr));
    assert_eq!(run(upto_client(&line).env("UPTO_FAIL", "1")).code, 1);
    assert_eq!(run(upto_client(&line).env("UPTO_FAIL", "0")).code, 0);
    assert_eq!(run(upto_client(&line).env("UPTO_FAIL", "1").arg("--fail=false")).code, 0);
}

#[test]
fn a_name_that_does_not_resolve_is_no_failure_and_takes_a_second_at_most() {
    let line = ["--rh", "nosuchhost.invalid", "start", "ctx", "ev"];
    let started = Instant::now();
    assert_eq!(run(&mut upto_client(&line)), quiet_success());
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let failing = run(upto_client(&line).arg("--fail"));
    assert_eq!(failing.code, 1);
    assert!(failing.stderr.contains("nosuchhost.invalid can't be resolved"), "{failing:?}");
}

#[test]
fn what_the_server_will_refuse_is_sent_and_told_on_request() {
    let server = Udp::new();
    let ended = run(upto_client(&["start", "", "ev", "--fail"]).env("UPTO_URL", server.url()));
    assert_eq!((ended.code, server.report().context.as_ref()), (1, ""));
    assert_eq!(
        ended.stderr,
        "upto-client: start ev: the server will refuse the report: context is missing or empty; give one\n"
    );
}

#[test]
fn a_datagram_that_is_too_long_is_no_failure() {
    let server = Udp::new();
    let name = "x".repeat(100_000);
    let mut command = upto_client(&["start", "ctx", &name]);
    assert_eq!(run(command.env("UPTO_URL", server.url())), quiet_success());
    assert_eq!(run(command.arg("--fail")).code, 1);
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    let url = |url: &str| {
        let ended = run(upto_client(&["start", "ctx", "ev"]).env("UPTO_URL", url));
        assert_eq!(ended.code, 2, "{ended:?}");
        ended.stderr
    };
    assert!(wrong_usage(&[]).contains("say what to report: new, start, end, event or run"));
    assert!(wrong_usage(&["strat", "ctx", "ev"]).contains("there is no command strat; did you mean start?"));
    assert!(wrong_usage(&["frobnicate"]).contains("there is no command frobnicate\n"));
    assert!(wrong_usage(&["start", "ctx", "ev", "--hostnam=x"]).contains("did you mean --hostname?"));
    assert!(wrong_usage(&["start", "ctx", "-x"]).contains("after --, nothing is a flag"));
    assert!(wrong_usage(&["start", "ctx", "a", "step"]).contains("quote a name that holds spaces"));
    assert!(wrong_usage(&["new", "ctx", "ev"]).contains("new takes CONTEXT"));
    assert!(wrong_usage(&["new"]).contains("UPTO_CONTEXT is not set"));
    let without_event = run(upto_client(&["start"]).env("UPTO_CONTEXT", "ctx"));
    assert_eq!(
        (without_event.code, without_event.stderr.contains("start takes EVENT, or CONTEXT and EVENT")),
        (2, true)
    );
    assert!(wrong_usage(&["start", "ctx", "ev", "--status", "failure"]).contains("--status has no place in start"));
    assert!(wrong_usage(&["end", "ctx", "ev", "--status", "bad"]).contains("use success, failure"));
    assert!(wrong_usage(&["end", "ctx", "ev", "--rp", "70000"]).contains("--rp is a port from 1 to 65535"));
    assert!(wrong_usage(&["run", "ctx", "ev", "make"]).contains("run needs a command after two dashes"));
    assert!(wrong_usage(&["run", "ctx", "ev", "--"]).contains("run needs a command after two dashes"));
    assert!(url("https://upto.example").contains("https:// is not spoken by this client"));
    assert!(url("upto.example").contains("UPTO_URL is wrong: a server's URL starts with udp:// or http://"));
    assert!(!url("http://user:hunter2@upto.example").contains("hunter2"));
}

#[test]
fn help_and_version_go_to_the_standard_output() {
    for line in [&["--help"][..], &["-h"], &["-help"], &["help"], &["start", "--help"], &["run", "-h", "x"]] {
        let Ended { code, stdout, stderr } = run(&mut upto_client(line));
        assert_eq!((code, stderr.as_str()), (0, ""), "{line:?}");
        assert!(stdout.contains("Examples:") && stdout.find("Examples:") < stdout.find("Usage:"));
        let long: Vec<_> = stdout.lines().filter(|line| line.len() > 92).collect();
        assert!(long.is_empty(), "these do not fit a terminal: {long:?}");
    }
    let version = run(&mut upto_client(&["--version"]));
    assert_eq!(version.stdout, concat!("upto-client ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn by_http_a_report_is_a_post_of_messagepack() {
    let server = Http::with_status("200 OK", r#"{"accepted": 1, "rejected": []}"#);
    let mut command = upto_client(&["end", "ctx", "ev", "--status", "success", "--fail", "-v"]);
    command.env("UPTO_URL", server.url()).env("UPTO_TOKEN", "s3cret");
    // Reports go to the server that was named, whatever proxy the rest of the world is reached through.
    command.env("http_proxy", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1");
    assert_eq!(run(&mut command), quiet_success());
    let request = server.request();
    assert!(request.head.starts_with("post /api/events http/1.1\r\n"), "{}", request.head);
    assert!(request.head.contains("\r\ncontent-type: application/msgpack\r\n"), "{}", request.head);
    assert!(request.head.contains("\r\nauthorization: bearer s3cret\r\n"), "{}", request.head);
    assert!(request.head.contains(&format!("\r\nhost: 127.0.0.1:{}\r\n", server.port)), "{}", request.head);
    let report = decode(&request.body);
    assert_eq!((report.kind, &*report.name, report.status), (Kind::End, "ev", Some(Status::Success)));
}

#[test]
fn without_a_token_there_is_no_authorization() {
    let server = Http::with_status("200 OK", "{}");
    assert_eq!(run(upto_client(&["start", "ctx", "ev"]).env("UPTO_URL", server.url())), quiet_success());
    assert!(!server.request().head.contains("authorization"));
}

#[test]
fn an_answer_that_is_no_success_is_told_on_request() {
    let body = r#"{"title": "no report was accepted", "rejected": [{"index": 0, "detail": "name is too long"}]}"#;
    for (status, body, told) in [
        ("400 Bad Request", body, "answered 400: name is too long\n"),
        ("401 Unauthorized", "{\"detail\": \"give a token\"}", "answered 401: give a token\n"),
        ("503 Service Unavailable", "<html>", "answered 503\n"),
        ("307 Temporary Redirect", "", "answered 307\n"),
    ] {
        let server = Http::with_status(status, body);
        let mut command = upto_client(&["start", "ctx", "ev"]);
        command.env("UPTO_URL", server.url()).env("UPTO_TOKEN", "s3cret");
        assert_eq!(run(&mut command), quiet_success());
        let failing = run(command.arg("--fail"));
        assert_eq!(failing.code, 1);
        assert!(failing.stderr.ends_with(told) && !failing.stderr.contains("s3cret"), "{failing:?}");
    }
}

#[test]
fn a_token_that_no_header_carries_is_not_told() {
    let server = Http::with_status("200 OK", "{}");
    let mut command = upto_client(&["start", "ctx", "ev", "--fail"]);
    let ended = run(command.env("UPTO_URL", server.url()).env("UPTO_TOKEN", "hunter2\nx: y"));
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("header can't carry") && !ended.stderr.contains("hunter2"), "{ended:?}");
}

#[test]
fn a_dead_http_server_is_no_failure() {
    let mut command = upto_client(&["start", "ctx", "ev"]);
    assert_eq!(run(command.env("UPTO_URL", "http://127.0.0.1:1")), quiet_success());
    let failing = run(command.arg("--fail"));
    assert_eq!(failing.code, 1);
    assert!(failing.stderr.starts_with("upto-client: start ev: http://127.0.0.1:1: "), "{failing:?}");
}

#[test]
fn a_silent_http_server_costs_a_second_at_most() {
    // The kernel accepts for it, and nobody ever reads.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let started = Instant::now();
    let mut command = upto_client(&["start", "ctx", "ev", "-v"]);
    let ended = run(command.env("UPTO_URL", &url));
    let took = started.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(3)).contains(&took), "{took:?}");
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("timeout"), "{ended:?}");
}

#[test]
fn an_http_server_that_never_stops_talking_is_no_failure() {
    use std::io::Write;
    let endless = |_: &support::Request, mut stream: std::net::TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    };
    let server = Http::serving(endless);
    let started = Instant::now();
    assert_eq!(run(upto_client(&["start", "ctx", "ev"]).env("UPTO_URL", server.url())), quiet_success());
    assert!(started.elapsed() < Duration::from_secs(3));
}
