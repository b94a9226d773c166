//! The API as a HAL client sees it, which follows links and builds no address.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use upto_tests::hal::{follow, get, items, link, own};
use upto_tests::server::Server;
use upto_tests::stream::Stream;

/// More than two pages of the default size.
const MANY: usize = 250;

fn point(context: &str, name: &str, host: &str, timeline: Option<&str>) -> Value {
    json!({"context": context, "name": name, "host": host, "type": "point", "timeline": timeline})
}

fn text(resource: &Value, member: &str) -> String {
    resource[member].as_str().unwrap_or_else(|| panic!("{member} of {resource}")).to_owned()
}

/// Stores all of them.
fn report(server: &Server, reports: &[Value]) {
    let answer = server.post(&json!(reports));
    assert_eq!((answer.status, answer.json()), (200, json!({"accepted": reports.len(), "rejected": []})));
}

#[test]
fn a_client_that_only_follows_links_finds_every_event_exactly_once() {
    let server = Server::start();
    let mut reports: Vec<Value> = (0..MANY).map(|n| point(&format!("context {n}"), "ev", "", None)).collect();
    let long = "é".repeat(100);
    for context in [".", "..", "a/b c.d", "name:x", "name:", "latest", "Bäckerei 部署", "50%?#&=+", &long] {
        reports.push(point(context, "odd", "", None));
    }
    for timeline in ["7", "latest", "name:x", ".", "a/b"] {
        reports.push(point("named", "odd", timeline, Some(timeline)));
    }
    reports.extend((0..MANY).map(|n| point("timelines", "ev", "", Some(&format!("build {n}")))));
    reports.extend((0..MANY).map(|n| point("events", &format!("step {}", n / 2), &format!("host {}", n % 2), None)));
    for odd in ["/", "?", "#", "%", "+", " ", "a/b?c#d%41+e f", "é&=", &"n".repeat(200)] {
        reports.push(point("odd", odd, "", None));
        reports.push(point("odd", "ev", odd, None));
    }
    report(&server, &reports);

    let (mut found, mut timelines) = (Vec::new(), 0);
    let entry = get(&server, "/api");
    for context in items(&server, &entry, "contexts") {
        assert_eq!(get(&server, own(&context)), context);
        for timeline in items(&server, &context, "timelines") {
            timelines += 1;
            assert_eq!(get(&server, own(&timeline)), timeline);
            assert_eq!(get(&server, link(&timeline, "context").expect("its context")), context);
            for event in items(&server, &timeline, "events") {
                assert_eq!(get(&server, own(&event)), event);
                assert_eq!(get(&server, link(&event, "timeline").expect("its timeline")), timeline);
                let named = timeline["name"].as_str().map(str::to_owned);
                found.push((text(&context, "name"), named, text(&event, "name"), text(&event, "host")));
            }
        }
    }
    let sent = |report: &Value| {
        let timeline = report["timeline"].as_str().map(str::to_owned);
        (text(report, "context"), timeline, text(report, "name"), text(report, "host"))
    };
    assert_eq!(found.len(), reports.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), reports.iter().map(sent).collect());
    assert_eq!(timelines, MANY + 9 + 5 + MANY + 2);
}

#[test]
fn timelines_are_linked_to_their_neighbours_both_ways() {
    let server = Server::start();
    let new = json!({"context": "ctx", "type": "new"});
    report(&server, &[new.clone(), new.clone(), new]);
    let context =
        follow(&server, &follow(&server, &get(&server, "/api"), "contexts")["_embedded"]["contexts"][0], "self");
    let mut timeline = follow(&server, &context, "latest");
    let mut numbers = vec![timeline["number"].clone()];
    while link(&timeline, "previous").is_some() {
        let previous = follow(&server, &timeline, "previous");
        assert_eq!(follow(&server, &previous, "next"), timeline);
        numbers.push(previous["number"].clone());
        timeline = previous;
    }
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(link(&follow(&server, &context, "latest"), "next"), None);
}

#[test]
fn a_timeline_is_found_by_its_name_whatever_it_looks_like() {
    let server = Server::start();
    let names = ["7", "latest", "name:x", "x", "gh-8812"];
    report(&server, &names.map(|name| point("ctx", "ev", "", Some(name))));
    for name in names {
        let found = server.timeline("ctx", &format!("name:{name}")).expect("it has a name");
        assert_eq!(found["name"], name);
    }
    assert_eq!(server.timeline("ctx", "gh-8812").expect("by name")["name"], "gh-8812");
    assert_eq!(server.timeline("ctx", "latest").expect("the newest")["number"], 5);
    assert_eq!(server.timeline("ctx", "7"), None, "digits are a number");
}

#[test]
fn what_a_client_has_is_not_sent_again_until_it_changes() {
    let server = Server::start();
    report(&server, &[json!({"context": "ctx", "name": "ev", "type": "start"})]);
    let timeline = "/api/contexts/ctx/timelines/1";
    let paths = ["", "/events", "/events/ev", "/bars"].map(|more| format!("{timeline}{more}"));
    let tags = paths.each_ref().map(|path| server.get(path).header("etag").to_owned());
    for (path, tag) in paths.iter().zip(&tags) {
        let known = server.get_unless(path, tag);
        assert_eq!((known.status, known.text.as_str(), known.header("etag")), (304, "", tag.as_str()), "{path}");
        assert_eq!(server.get_unless(path, "\"another\"").status, 200);
    }
    report(&server, &[json!({"context": "ctx", "name": "ev", "type": "end"})]);
    for (path, tag) in paths.iter().zip(&tags) {
        let changed = server.get_unless(path, tag);
        assert_eq!(changed.status, 200, "{path}");
        assert_ne!(changed.header("etag"), tag);
    }
    let tag = server.get(timeline).header("etag").to_owned();
    report(&server, &[json!({"context": "ctx", "type": "new"})]);
    assert_eq!(server.get_unless(timeline, &tag).status, 200, "it has a next one now");
}

#[test]
fn a_stream_tells_what_is_true_then_each_change_and_ends_with_the_server() {
    let server = Server::start();
    report(&server, &[json!({"context": "ctx", "name": "ev", "type": "start"})]);
    let timeline = get(&server, "/api/contexts/ctx/timelines/1");
    let mut stream = Stream::open(&server, link(&timeline, "stream").expect("a stream"));
    let first = stream.notice().expect("a notice at once");
    assert_eq!(first, json!({"revision": timeline["revision"], "state": "running", "latest": 1}));
    report(&server, &[json!({"context": "ctx", "name": "ev", "type": "end"})]);
    let second = stream.notice().expect("a notice of the change");
    assert_eq!((&second["state"], &second["latest"]), (&json!("ended"), &json!(1)));
    assert!(second["revision"].as_u64() > first["revision"].as_u64(), "{second}");
    report(&server, &[json!({"context": "ctx", "type": "new"})]);
    assert_eq!(stream.notice().expect("a notice of the newer timeline")["latest"], 2);
    let (status, _) = server.stop().expect("it stops");
    assert_eq!((status.code(), stream.notice()), (Some(0), None));
}
