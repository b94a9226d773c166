//! `show`: a timeline as a table, from a server that speaks the API's shapes.

mod support;

use std::io::Write;

use serde_json::{Value, json};
use support::{Http, Request, response, run, upto_client};

fn event(name: &str, host: &str, state: &str, status: Option<&str>, start: Option<&str>, took: Option<f64>) -> Value {
    json!({"_links": {"self": {"href": "/x"}}, "name": name, "host": host, "kind": "span", "state": state, "status": status,
        "started_at": start, "restarted_at": null, "ended_at": "2026-11-22T14:00:09.000000Z", "duration_s": took, "labels": {}})
}

/// The resource at a path: a timeline, and its events in two pages.
fn resource(path: &str) -> (&'static str, Value) {
    let events = "/api/contexts/a%2fb/timelines/41/events";
    match path {
        "/api/contexts/a%2fb/timelines/latest" | "/api/contexts/a%2fb/timelines/name%3a41" => (
            "200 OK",
            json!({"_links": {"self": {"href": "/x"}, "events": {"href": events}}, "context": "a/b", "number": 41,
                "name": "gh-8812", "state": "running", "labels": {}, "first": "2026-11-22T14:00:00.000000Z",
                "last": "2026-11-22T14:04:05.000000Z", "duration_s": 245.0, "events": 3, "running": 1, "failed": 1}),
        ),
        "/api/contexts/a%2fb/timelines/41/events" => (
            "200 OK",
            json!({"_links": {"next": {"href": format!("{events}?after=x")}}, "_embedded": {"events": [
                event("db.migrate", "db-2", "failed", Some("timeout"), Some("2026-11-22T14:00:01.500000Z"), Some(151.0)),
                event("lost", "", "waiting", None, None, None)]}}),
        ),
        "/api/contexts/a%2fb/timelines/41/events?after=x" => (
            "200 OK",
            json!({"_links": {}, "_embedded": {"events": [
                event("build\u{1b}[2J", "web-1", "running", None, Some("2026-11-22T14:00:00.000000Z"), None)]}}),
        ),
        _ => ("404 Not Found", json!({"title": "no such context", "detail": "there is no context like that"})),
    }
}

fn server() -> Http {
    Http::serving(|request: &Request, mut stream| {
        let (status, body) = resource(request.head.split(' ').nth(1).unwrap());
        let _ = stream.write_all(response(status, &body.to_string()).as_bytes());
    })
}

const TABLE: &str = "\
a/b 41 (gh-8812): running, 4 m 05 s, 3 events, 1 running, 1 failed
   START      TOOK  STATE             HOST   EVENT
+0.000 s            running           web-1  build\u{fffd}[2J
+1.500 s  2 m 31 s  failed (timeout)  db-2   db.migrate
                    waiting                  lost
";

#[test]
fn a_timeline_is_a_table_in_order_of_start() {
    let server = server();
    let ended = run(upto_client(&["show", "a/b"]).env("UPTO_URL", server.url()).env("UPTO_TOKEN", "s3cret"));
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_eq!(ended.stdout, TABLE);
    assert!(server.request().head.contains("\r\nauthorization: bearer s3cret\r\n"));
}

#[test]
fn the_environment_names_context_and_timeline() {
    let server = server();
    let mut command = upto_client(&["show"]);
    let ended = run(command.env("UPTO_URL", server.url()).env("UPTO_CONTEXT", "a/b").env("UPTO_TIMELINE", "41"));
    assert_eq!(ended.stdout, TABLE);
    assert!(server.request().head.starts_with("get /api/contexts/a%2fb/timelines/name%3a41 "), "a name, not a number");
    run(upto_client(&["show", "other", "7"]).env("UPTO_URL", server.url()).env("UPTO_TIMELINE", "41"));
    server.request();
    server.request();
    assert!(server.request().head.starts_with("get /api/contexts/other/timelines/7 "));
}

#[test]
fn what_can_not_be_read_is_a_failure() {
    let server = server();
    let ended = run(upto_client(&["show", "nothing"]).env("UPTO_URL", server.url()));
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert_eq!(ended.stderr, format!("upto-client: {} answered 404: there is no context like that\n", server.url()));
    let other = Http::with_status("200 OK", "<html>");
    let ended = run(upto_client(&["show", "ctx"]).env("UPTO_URL", other.url()));
    assert!(ended.code == 1 && ended.stderr.contains("no resource of upto's API"), "{ended:?}");
    let ended = run(upto_client(&["show", "ctx"]).env("UPTO_URL", "http://127.0.0.1:1"));
    assert!(ended.code == 1 && ended.stderr.contains("http://127.0.0.1:1"), "{ended:?}");
}

#[test]
fn a_server_whose_pages_never_end_is_left() {
    let endless = Http::with_status(
        "200 OK",
        r#"{"_links": {"events": {"href": "/x"}, "next": {"href": "/x"}}, "_embedded": {"events": []}}"#,
    );
    assert_eq!(run(upto_client(&["show", "ctx"]).env("UPTO_URL", endless.url())).code, 0);
}

#[test]
fn it_reads_by_http_only() {
    for (arguments, url) in [(&["show", "ctx"][..], "udp://localhost"), (&["show", "--rh", "x", "ctx"], "http://x")] {
        let ended = run(upto_client(arguments).env("UPTO_URL", url));
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains("show reads by HTTP"), "{ended:?}");
    }
    assert_eq!(run(upto_client(&["show"]).env("UPTO_URL", "http://x")).code, 2);
    assert_eq!(run(&mut upto_client(&["show", "a", "b", "c"])).code, 2);
}
