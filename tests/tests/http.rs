//! Reports by HTTP, what is refused and how it is told, and what every answer carries.

use serde_json::{Value, json};
use upto_tests::server::{Answer, Server, encode};
use upto_wire::{Kind, Report, msgpack};

/// Bytes of a body at the most.
const MAX_BODY: usize = 4 << 20;

fn point(name: &str) -> Value {
    json!({"context": "ctx", "name": name, "type": "point"})
}

/// A report with one member changed, or added.
fn with(member: &str, value: impl Into<Value>) -> Value {
    let mut report = json!({"context": "ctx", "name": "ev", "type": "end"});
    report[member] = value.into();
    report
}

/// A report that lacks a member.
fn without(member: &str) -> Value {
    let mut report = with("host", "");
    report.as_object_mut().expect("an object").remove(member);
    report
}

/// Problem details of this status, with a title and a sentence.
fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    for member in ["title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {problem}");
    }
    problem
}

fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().expect("a detail")
}

#[test]
fn what_was_answered_with_success_is_readable_at_once_in_every_encoding() {
    let server = Server::start();
    let message = |names: [&str; 2]| {
        let mut bytes = Vec::new();
        names.iter().for_each(|name| msgpack::encode(&Report::new(Kind::Point, "ctx", *name), &mut bytes));
        bytes
    };
    let array = [b"\x92".as_slice(), &message(["array 1", "array 2"])].concat();
    let lines = format!("{}\n\n{}\r\n", point("line 1"), point("line 2")).into_bytes();
    let bodies: [(&str, Vec<u8>, &[&str]); 7] = [
        ("application/json", point("object").to_string().into_bytes(), &["object"]),
        (
            "application/json; charset=utf-8",
            json!([point("item 1"), point("item 2")]).to_string().into_bytes(),
            &["item 1", "item 2"],
        ),
        ("application/json", b"[]".to_vec(), &[]),
        ("application/x-ndjson", lines, &["line 1", "line 2"]),
        ("application/msgpack", message(["one", "after another"]), &["one", "after another"]),
        ("application/x-msgpack", array, &["array 1", "array 2"]),
        (
            "Application/JSON",
            json!({"context": "ctx", "name": "number", "type": 2, "time": 1795357276}).to_string().into_bytes(),
            &["number"],
        ),
    ];
    for (content_type, body, names) in bodies {
        let answer = server.post_as("/api/events", content_type, &body);
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"accepted": names.len(), "rejected": []})),
            "{content_type}"
        );
        for name in names {
            assert!(server.event("ctx", "1", name, "").is_some(), "{name}");
        }
    }
}

#[test]
fn good_reports_are_taken_and_bad_ones_among_them_are_told_by_index() {
    let server = Server::start();
    let reports = json!([point("first"), with("type", "begin"), point("second"), with("context", "")]);
    let answer = server.post(&reports);
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["accepted"], 2);
    assert_eq!(body["rejected"][0]["index"], 1);
    assert_eq!(body["rejected"][0]["title"], "unknown type");
    assert_eq!(body["rejected"][0]["detail"], "type is \"begin\"; use start, end, point or new (or 0, 1, 2, 3)");
    assert_eq!((&body["rejected"][1]["index"], &body["rejected"][1]["title"]), (&json!(3), &json!("missing context")));
    assert!(server.event("ctx", "1", "first", "").is_some() && server.event("ctx", "1", "second", "").is_some());
}

#[test]
fn where_every_report_is_bad_the_answer_is_a_problem_with_the_same_members() {
    let server = Server::start();
    let answer = server.post(&json!([with("type", "begin"), with("name", "")]));
    let problem = problem(&answer, 400);
    assert_eq!(problem["title"], "unknown type");
    assert!(detail(&problem).contains("begin") && detail(&problem).contains("1 more"), "{problem}");
    assert_eq!(problem["accepted"], 0);
    let rejected: Vec<_> = problem["rejected"].as_array().expect("a list").iter().map(|item| &item["index"]).collect();
    assert_eq!(rejected, [0, 1]);
    assert_eq!(server.get("/api/contexts/ctx").status, 404, "nothing was stored");
}

#[test]
fn each_bad_report_is_told_what_to_change() {
    let server = Server::start();
    let segments = vec!["a"; 33].join(".");
    let labels: serde_json::Map<String, Value> = (0..65).map(|key| (key.to_string(), json!(""))).collect();
    let cases = [
        (with("type", "begin"), "unknown type", "use start, end, point or new"),
        (with("type", 4), "unknown type", "0, 1, 2, 3"),
        (without("type"), "missing field", "type is missing or empty; give one"),
        (without("context"), "missing context", "context is missing or empty; give one"),
        (without("name"), "missing name", "name is missing or empty; give one"),
        (with("name", "..."), "missing name", "name is missing or empty"),
        (with("name", "n".repeat(501)), "too long", "name has 501 bytes; at most 500 are allowed"),
        (with("context", "é".repeat(101)), "too long", "context has 202 bytes; at most 200 are allowed"),
        (with("host", "h".repeat(201)), "too long", "host has 201 bytes; at most 200 are allowed"),
        (with("name", segments), "too many segments", "33 segments between its dots; at most 32 are allowed"),
        (with("labels", labels), "too many labels", "65 labels; at most 64 are allowed"),
        (with("time", "yesterday"), "bad time", "use RFC 3339 or seconds since 1970"),
        (with("time", "2300-01-01T00:00:00Z"), "bad time", "within the years 1970 to 2261"),
        (with("status", "fine"), "unknown status", "use success, failure, error, timeout, cancelled or skipped"),
        (
            json!({"context": "c", "name": "n", "type": "start", "status": "success"}),
            "status not allowed",
            "end or a point",
        ),
        (with("name", "a\0b"), "NUL character", "name holds a NUL character; remove it"),
        (with("host", 7), "wrong type", "it must be text"),
        (json!([7]), "wrong type", "report"),
    ];
    for (report, title, says) in cases {
        let problem = problem(&server.post(&report), 400);
        assert_eq!(problem["title"], title, "{report}");
        assert!(detail(&problem).contains(says), "{report}: {problem}");
        assert_eq!(problem["rejected"], json!([{"index": 0, "title": title, "detail": detail(&problem)}]));
    }
}

#[test]
fn each_bad_body_is_told_what_to_change() {
    let server = Server::start();
    let post = |content_type: &str, body: &[u8]| server.post_as("/api/events", content_type, body);
    let wrong_type = problem(&post("text/plain", b"{}"), 415);
    assert!(detail(&wrong_type).contains("text/plain") && detail(&wrong_type).contains("application/json"));
    let too_large = problem(&post("application/json", &vec![b' '; MAX_BODY + 1]), 413);
    assert!(detail(&too_large).contains(&MAX_BODY.to_string()), "{too_large}");
    for (body, title, says) in [
        ("{\"context\": \"ctx\",", "malformed", "line 1"),
        ("[{}, ", "malformed", "line 1"),
        ("7", "malformed", "an object (one report) or an array"),
        ("", "empty", "send one report or several"),
    ] {
        let problem = problem(&post("application/json", body.as_bytes()), 400);
        assert_eq!(problem["title"], title, "{body}");
        assert!(detail(&problem).contains(says), "{body}: {problem}");
    }
    assert_eq!(problem(&post("application/x-ndjson", b"\n \n"), 400)["title"], "empty");
    assert_eq!(problem(&post("application/msgpack", b""), 400)["title"], "empty");
    assert_eq!(problem(&post("application/json", b"{\"context\": \"\xff\"}"), 400)["title"], "invalid UTF-8");
}

#[test]
fn reports_past_the_ten_thousandth_of_a_body_are_refused() {
    let server = Server::start();
    let lines: String = (0..10_002).map(|number| format!("{}\n", point(&number.to_string()))).collect();
    let answer = server.post_as("/api/events", "application/x-ndjson", lines.as_bytes());
    let body = answer.json();
    assert_eq!((answer.status, &body["accepted"]), (200, &json!(10_000)));
    let indexes: Vec<_> = body["rejected"].as_array().expect("a list").iter().map(|item| &item["index"]).collect();
    assert_eq!(indexes, [10_000], "what follows is one item, unread");
    assert!(detail(&body["rejected"][0]).contains("at most 10000 reports"), "{body}");
    assert_eq!(server.timeline("ctx", "1").expect("stored")["events"], 10_000);
}

#[test]
fn what_is_not_there_and_what_is_asked_for_wrongly_is_a_problem_that_says_so() {
    let server = Server::start();
    assert_eq!(server.post(&point("ev")).status, 200);
    for (path, says) in [
        ("/nothing", "the entry is /api"),
        ("/api/nothing", "the entry is /api"),
        ("/api/contexts/other", "\"other\""),
        ("/api/contexts/other/timelines", "\"other\""),
        ("/api/contexts/ctx/timelines/2", "\"2\""),
        ("/api/contexts/ctx/timelines/gh-8812/events", "\"gh-8812\""),
        ("/api/contexts/ctx/timelines/99999999999999999999", "99999999999999999999"),
        ("/api/contexts/ctx/timelines/1/events/other?host=h", "\"other\" on host \"h\""),
        ("/api/contexts/ctx/timelines/2/stream", "\"2\""),
        ("/api/contexts/ctx/timelines/2/bars", "\"2\""),
    ] {
        let problem = problem(&server.get(path), 404);
        assert!(detail(&problem).contains(says), "{path}: {problem}");
    }
    for path in [
        "/api/contexts?limit=0",
        "/api/contexts?limit=1001",
        "/api/contexts?limit=many",
        "/api/contexts?offset=10",
        "/api/contexts/ctx/timelines?after=x",
        "/api/contexts/ctx/timelines/1/events?limit=-1",
        "/api/contexts/ctx/timelines/1/events/ev?hots=h",
        "/api/contexts/ctx/timelines/1/bars?group=name",
        "/api/contexts/%FF",
    ] {
        problem(&server.get(path), 400);
    }
    for (path, allow) in [("/api/events", "POST"), ("/api/contexts/ctx/timelines/1/events", "GET,HEAD")] {
        let delete = upto_tests::server::agent().delete(server.url(path)).call().expect("the server answers");
        let header = |name: &str| delete.headers()[name].to_str().expect("text");
        assert_eq!((delete.status().as_u16(), header("content-type")), (405, "application/problem+json"));
        assert_eq!(header("allow"), allow, "{path}");
    }
    let answer = server.get("/api/events");
    assert_eq!((problem(&answer, 405)["title"].clone(), answer.header("allow")), (json!("method not allowed"), "POST"));
    let answer = server.post_as("/metrics", "application/json", b"{}");
    assert_eq!(
        (problem(&answer, 405)["title"].clone(), answer.header("allow")),
        (json!("method not allowed"), "GET,HEAD")
    );
}

#[test]
fn every_kind_of_answer_has_the_security_headers() {
    let server = Server::start();
    assert_eq!(server.post(&point("ev")).status, 200);
    let timeline = "/api/contexts/ctx/timelines/1";
    let tag = server.get(timeline).header("etag").to_owned();
    let answers = [
        (server.get("/"), 200),
        (server.get("/c/ctx/1"), 200),
        (server.get("/f"), 200),
        (server.get("/f/rename/logs"), 200),
        (server.get("/api"), 200),
        (server.get(timeline), 200),
        (server.get_unless(timeline, &tag), 304),
        (server.get("/livez"), 200),
        (server.get("/readyz"), 200),
        (server.get("/metrics"), 200),
        (server.post(&point("ev")), 200),
        (server.post(&json!({})), 400),
        (server.post_as("/api/contexts/ctx/timelines", "application/json", b"{}"), 201),
        (server.get("/api/contexts?limit=x"), 400),
        (server.get("/nothing"), 404),
        (server.get("/api/events"), 405),
        (server.post_as("/api/events", "text/plain", b""), 415),
    ];
    for (answer, status) in answers {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer:?}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{answer:?}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{answer:?}");
    }
}

#[test]
fn a_timeline_with_a_name_is_made_once() {
    let server = Server::start();
    let context = "deploy of shop";
    let path = format!("/api/contexts/{}/timelines", encode(context));
    let make = |body: Value| server.post_as(&path, "application/json", body.to_string().as_bytes());
    let made = make(json!({"name": "gh-8812", "labels": {"branch": "main"}, "time": "2026-11-22T14:00:00Z"}));
    assert_eq!(made.status, 201, "{made:?}");
    let timeline = made.json();
    assert_eq!((&timeline["number"], &timeline["name"]), (&json!(1), &json!("gh-8812")));
    assert_eq!((&timeline["labels"], &timeline["state"]), (&json!({"branch": "main"}), &json!("waiting")));
    assert_eq!(timeline["created_at"], "2026-11-22T14:00:00.000000Z");
    assert_eq!(made.header("location"), timeline["_links"]["self"]["href"]);
    assert_eq!(server.get(made.header("location")).json(), timeline);

    let unnamed = make(json!({}));
    assert_eq!((unnamed.status, &unnamed.json()["number"]), (201, &json!(2)));
    let again = make(json!({"name": "gh-8812", "labels": {"branch": "other"}}));
    assert_eq!((again.header("location"), &again.json()["labels"]), (made.header("location"), &timeline["labels"]));
    assert_eq!(server.timeline(context, "latest").expect("made")["number"], 2);

    problem(&make(json!({"nmae": "x"})), 400);
    problem(&make(json!({"name": "n".repeat(201)})), 400);
    problem(&make(json!({"time": "soon"})), 400);
    problem(&server.post_as(&path, "text/plain", b"{}"), 415);
    let too_long = format!("/api/contexts/{}/timelines", "c".repeat(201));
    problem(&server.post_as(&too_long, "application/json", b"{}"), 400);
}

#[test]
fn timelines_and_contexts_can_be_deleted() {
    let server = Server::start();
    let step = |n: u32, timeline: &str| json!({"context": "ctx", "name": format!("step-{n}"), "type": "point", "timeline": timeline});
    for timeline in ["a", "b"] {
        assert_eq!(server.post(&(0..1_500).map(|n| step(n, timeline)).collect()).status, 200);
    }
    assert_eq!(server.delete("/api/contexts/ctx/timelines/a").status, 204);
    problem(&server.delete("/api/contexts/ctx/timelines/a"), 404);
    problem(&server.get("/api/contexts/ctx/timelines/1/bars"), 404);
    assert_eq!(server.timeline("ctx", "b").expect("it stays")["events"], 1_500);

    let before = server.get("/api/contexts/ctx/timelines/2");
    assert_eq!(server.delete("/api/contexts/ctx/timelines/latest").status, 204);
    assert_eq!(server.post(&point("anew")).status, 200);
    let after = server.get_unless("/api/contexts/ctx/timelines/latest", before.header("etag"));
    assert_eq!((after.status, &after.json()["number"], &after.json()["events"]), (200, &json!(2), &json!(1)));

    assert_eq!(server.delete("/api/contexts/ctx").status, 204);
    problem(&server.delete("/api/contexts/ctx"), 404);
    assert_eq!(server.post(&point("first")).status, 200);
    assert_eq!(server.timeline("ctx", "latest").expect("made anew")["number"], 1);
}
