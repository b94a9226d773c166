//! Functions deployed at run time: versions, canaries, dead letters, and instances that share them.

#![allow(clippy::print_stdout, reason = "the largest case ends with a line of figures")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use upto_tests::postgres::Database;
use upto_tests::server::{Answer, Server};
use upto_tests::stream::Stream;
use upto_wire::{Kind, Report, msgpack};

/// How long instances may differ after a change.
const AGREEMENT: Duration = Duration::from_secs(2);

fn deploy(server: &Server, name: &str, source: &str) -> Answer {
    server.put_as(&format!("/api/functions/{name}"), "text/x-lua", source.as_bytes())
}

/// Deploys what must be fit for use; its version.
fn deployed(server: &Server, name: &str, body: &Value) -> u64 {
    let answer = server.put_as(&format!("/api/functions/{name}"), "application/json", body.to_string().as_bytes());
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    answer.json()["version"].as_u64().expect("a number")
}

fn lua(source: &str) -> Value {
    json!({"language": "lua", "source": source})
}

fn function(server: &Server, name: &str) -> Value {
    let answer = server.get(&format!("/api/functions/{name}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn post(server: &Server, name: &str) -> Value {
    let answer = server.post(&json!({"context": "ctx", "name": name, "type": "point"}));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// A function that writes its number into a label.
fn stamps(number: usize) -> String {
    format!("function transform(report)\n\treport.labels.stamp = \"{number}\"\n\treturn report\nend\n")
}

#[test]
fn a_function_is_deployed_versioned_rolled_back_disabled_and_deleted() {
    let server = Server::start();
    let first = deploy(&server, "stamp", &stamps(1));
    assert_eq!(first.status, 201, "{first:?}");
    let first = first.json();
    assert_eq!((&first["version"], &first["active"], &first["running"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(first["state"], "active");
    post(&server, "one");
    assert_eq!(server.event("ctx", "1", "one", "").expect("there")["functions"], json!(["stamp@1"]));

    let again = deploy(&server, "stamp", &stamps(1));
    assert_eq!((again.status, &again.json()["version"]), (200, &json!(1)), "the same again is no new version");
    assert_eq!(deploy(&server, "stamp", &stamps(2)).json()["version"], 2);
    post(&server, "two");
    let two = server.event("ctx", "1", "two", "").expect("there");
    assert_eq!((&two["functions"], &two["labels"]), (&json!(["stamp@2"]), &json!({"stamp": "2"})));

    let versions = server.get("/api/functions/stamp/versions").json();
    let listed = versions["_embedded"]["versions"].as_array().expect("a list");
    assert_eq!(listed.iter().map(|v| v["version"].clone()).collect::<Vec<_>>(), [json!(2), json!(1)]);
    assert_eq!(listed[0]["cases"], 0);
    let wrong = server.get("/api/functions/stamp/versions?after=x");
    assert_eq!((wrong.status, wrong.text.contains("timeline")), (400, false), "{wrong:?}");
    let page = server.get("/api/functions/stamp/versions?limit=1000").json();
    assert_eq!(page["_links"]["self"]["href"], "/api/functions/stamp/versions?limit=100");
    let difference = server.get("/api/functions/stamp/versions/2?with=1").json();
    let diff = difference["diff"].as_str().expect("text");
    assert!(diff.contains("-\treport.labels.stamp = \"1\"\n+\treport.labels.stamp = \"2\"\n"), "{diff}");
    assert_eq!(server.get("/api/functions/stamp/versions/1/code").text, stamps(1));

    assert_eq!(server.post_to("/api/functions/stamp/activate", &json!({"version": 1})).status, 200);
    post(&server, "three");
    assert_eq!(server.event("ctx", "1", "three", "").expect("there")["functions"], json!(["stamp@1"]));
    assert_eq!(server.post_to("/api/functions/stamp/activate", &json!({"version": 9})).status, 404);
    assert_eq!(server.post_to("/api/functions/stamp/disable", &json!({})).json()["state"], "disabled");
    post(&server, "four");
    assert_eq!(server.event("ctx", "1", "four", "").expect("there")["functions"], json!([]));

    assert_eq!(server.delete("/api/functions/stamp").status, 204);
    assert_eq!(server.get("/api/functions/stamp").status, 404);
    assert_eq!(deploy(&server, "stamp", &stamps(3)).json()["version"], 3, "numbers are not used again");
}

#[test]
fn large_and_unlike_versions_are_compared_in_time() {
    let server = Server::start();
    // Lines that have nothing in common are the worst case of a shortest difference.
    let source = |mark: &str| (0..4_000).map(|line| format!("--{mark}{line}\n")).collect::<String>() + &stamps(1);
    for mark in ["a", "b"] {
        let mut body = lua(&source(mark));
        body["cases"] =
            json!([{"name": "x".repeat(200_000), "in": [], "out": []}, {"name": mark, "in": [], "out": []}]);
        deployed(&server, "long", &body);
    }
    let begun = Instant::now();
    let diff = server.get("/api/functions/long/versions/2?with=1").json()["diff"].as_str().expect("text").to_owned();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(diff.contains("--b3999") && diff.contains("+cases, 200"), "{}", diff.len());
    assert!(diff.len() < 100_000, "large cases are not shown: {}", diff.len());
}

#[test]
fn what_is_not_fit_for_use_is_refused_and_says_why() {
    let server = Server::start();
    assert_eq!(deployed(&server, "stamp", &lua(&stamps(1))), 1);
    let refusal = |body: &Value| {
        let answer = server.put_as("/api/functions/stamp", "application/json", body.to_string().as_bytes());
        assert_eq!(answer.status, 422, "{answer:?}");
        answer.json()
    };
    let broken = refusal(&lua("function transform(report)\n\treturn report\nend end"));
    assert_eq!((&broken["title"], &broken["line"]), (&json!("the function does not compile"), &json!(3)));
    let nothing = refusal(&lua("local x = 1"));
    assert!(nothing["detail"].as_str().expect("text").contains("defines neither a function"), "{nothing}");
    let endless = refusal(&lua("while true do end"));
    assert!(endless["detail"].as_str().expect("text").contains("it ran longer than 100 ms"), "{endless}");
    let mut failing = lua(&stamps(2));
    let report = json!({"context": "c", "name": "n", "type": "point"});
    failing["cases"] = json!([{"name": "stamped", "in": [report], "out": [report]}]);
    let failed = refusal(&failing);
    assert_eq!((&failed["title"], &failed["cases"][0]["passed"]), (&json!("a case failed"), &json!(false)));
    assert!(failed["cases"][0]["difference"].as_str().expect("text").contains("+     \"labels\": {\n"), "{failed}");
    let no_component = refusal(&json!({"language": "wasm", "component_base64": "AAAA"}));
    assert!(no_component["detail"].as_str().expect("text").contains("it is no WebAssembly"), "{no_component}");
    let mut settings = lua(&stamps(2));
    settings["settings"] = json!({"contexts": [""]});
    assert_eq!(refusal(&settings)["title"], "bad settings");

    for (path, kind, body, status) in [
        ("/api/functions/Bad.Name", "text/x-lua", stamps(1), 422),
        ("/api/functions/..%2Fetc", "text/x-lua", stamps(1), 422),
        ("/api/functions/stamp", "text/plain", stamps(1), 415),
        ("/api/functions/stamp", "text/x-lua", "-".repeat(70_000), 422),
        ("/api/functions/stamp", "application/json", r#"{"language": "lua", "sauce": ""}"#.to_owned(), 400),
    ] {
        let answer = server.put_as(path, kind, body.as_bytes());
        assert_eq!(answer.status, status, "{path} {kind} {answer:?}");
    }
    assert_eq!(
        (&function(&server, "stamp")["versions"], &function(&server, "stamp")["active"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn functions_from_a_folder_are_shown_and_not_deployed_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("20-folder.lua"), stamps(7)).expect("it can be written");
    let cases = json!([{"name": "own", "in": [], "out": []}]).to_string();
    std::fs::write(folder.path().join("20-folder.cases.json"), cases).expect("it can be written");
    let server = Server::with(&["--scripts", folder.path().to_str().expect("UTF-8")]);
    assert_eq!(deploy(&server, "20-folder", &stamps(1)).status, 409);
    let tried = server.post_to("/api/functions/20-folder/try", &json!({})).json();
    assert_eq!((&tried["cases"][0]["name"], &tried["cases"][0]["passed"]), (&json!("own"), &json!(true)));
    deployed(&server, "10-first", &lua(&stamps(1)));
    let all = server.get("/api/functions").json();
    let shown = all["_embedded"]["functions"].as_array().expect("a list");
    let shown: Vec<_> = shown.iter().map(|f| (f["name"].clone(), f["source"].clone())).collect();
    assert_eq!(shown, [(json!("10-first"), json!("store")), (json!("20-folder"), json!("folder"))]);
    post(&server, "x");
    let event = server.event("ctx", "1", "x", "").expect("there");
    assert_eq!((&event["labels"], &event["functions"]), (&json!({"stamp": "7"}), &json!(["10-first@1", "20-folder"])));
}

#[test]
fn a_function_sees_the_contexts_of_its_settings_in_its_order() {
    let server = Server::start();
    let mut second = lua("function transform(r) r.name = r.name .. '.b' return r end");
    second["settings"] = json!({"order": 20});
    let mut first = lua("function transform(r) r.name = r.name .. '.a' return r end");
    first["settings"] = json!({"order": 10, "contexts": ["ct*"]});
    deployed(&server, "aa", &second);
    deployed(&server, "zz", &first);
    post(&server, "x");
    assert!(server.event("ctx", "1", "x.a.b", "").is_some());
    server.post(&json!({"context": "other", "name": "x", "type": "point"}));
    assert!(server.event("other", "1", "x.b", "").is_some());
}

#[test]
fn dead_letters_are_kept_listed_and_replayed_through_the_current_version() {
    let database = Database::fresh().expect("a database");
    let server = Server::with(&["--store", database.url()]);
    let mut strict = lua("function transform(r) if r.name:find('^bad') then error('no ' .. r.name) end return r end");
    strict["settings"] = json!({"on_error": "dead-letter"});
    deployed(&server, "strict", &strict);
    deployed(&server, "200-after", &lua(&stamps(9)));
    for name in ["bad.1", "good", "bad.2"] {
        post(&server, name);
    }
    assert!(server.event("ctx", "1", "bad.1", "").is_none());
    assert_eq!(server.get("/api/functions/strikt/dead-letters").status, 404);
    let letters = server.get("/api/functions/strict/dead-letters").json();
    let listed = letters["_embedded"]["dead_letters"].as_array().expect("a list");
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["report"]["name"], &listed[0]["version"]), (&json!("bad.1"), &json!(1)));
    assert_eq!(listed[0]["reason"], "strict.lua:1: no bad.1");
    assert_eq!(function(&server, "strict")["dead_letters"], 2);
    server.wait_for_rest(3);

    // It still fails: they stay, under new ids.
    let replayed = server.post_to("/api/functions/strict/dead-letters/replay", &json!({})).json();
    assert_eq!(replayed, json!({"replayed": 2, "failed_again": 2}));
    assert_eq!(function(&server, "strict")["dead_letters"], 2);

    let mut mended = lua("function transform(r) r.name = r.name:gsub('^bad', 'mended') return r end");
    mended["settings"] = json!({"on_error": "dead-letter"});
    assert_eq!(deployed(&server, "strict", &mended), 2);
    let one = server.get("/api/functions/strict/dead-letters").json()["_embedded"]["dead_letters"][0]["id"].clone();
    let replayed = server.post_to("/api/functions/strict/dead-letters/replay", &json!({"ids": [one]})).json();
    assert_eq!(replayed, json!({"replayed": 1, "failed_again": 0}));
    let replayed = server.post_to("/api/functions/strict/dead-letters/replay", &json!({})).json();
    assert_eq!(replayed, json!({"replayed": 1, "failed_again": 0}));
    let event = server.event("ctx", "1", "mended.1", "").expect("there");
    assert_eq!(event["functions"], json!(["strict@2", "200-after@1"]), "what comes after it has its turn");
    assert_eq!(function(&server, "strict")["dead_letters"], 0);
    let kept = database.query("SELECT count(*)::text FROM upto.dead_letters").expect("the table answers");
    assert_eq!(kept, [[Some("0".to_owned())]]);
    let balance = server.wait_for_rest(3);
    assert_eq!((balance.replayed, balance.dead), (4, 4), "{balance:?}");
}

#[test]
fn letters_of_a_disabled_function_pass_what_came_after_it_and_unreadable_ones_stay() {
    let database = Database::fresh().expect("a database");
    let server = Server::with(&["--store", database.url()]);
    let place = |mut function: Value, order: i32| {
        function["settings"] = json!({"order": order, "on_error": "dead-letter"});
        function
    };
    deployed(&server, "strict", &place(lua("function transform(r) error('a\\27b') end"), 300));
    let appends = |what: &str| lua(&format!("function transform(r) r.name = r.name .. '{what}' return r end"));
    deployed(&server, "before", &place(appends(".before"), 200));
    deployed(&server, "after", &place(appends(".after"), 400));
    let both =
        json!([{"context": "ctx", "name": "x", "type": "point"}, {"context": "ctx", "name": "y", "type": "point"}]);
    assert_eq!(server.post(&both).json()["accepted"], 2, "what a function says is no reason to refuse a letter");
    let reason =
        server.get("/api/functions/strict/dead-letters").json()["_embedded"]["dead_letters"][0]["reason"].clone();
    assert!(reason.as_str().is_some_and(|reason| reason.contains("a\\u{1b}b")), "{reason}");
    // As something else than this program may have left it.
    let broken = "UPDATE upto.dead_letters SET report = 'no JSON' WHERE report LIKE '%y.before%' RETURNING '1'";
    assert_eq!(database.query(broken).expect("it is written").len(), 1);
    assert_eq!(server.post_to("/api/functions/strict/disable", &json!({})).status, 200);
    let replayed = server.post_to("/api/functions/strict/dead-letters/replay", &json!({})).json();
    assert_eq!(replayed, json!({"replayed": 1, "failed_again": 0}));
    assert!(server.event("ctx", "1", "x.before.after", "").is_some());
    assert_eq!(function(&server, "strict")["dead_letters"], 1);
}

#[test]
fn a_function_is_tried_on_real_reports_and_nothing_is_kept() {
    let server = Server::start();
    for name in ["A", "B", "C"] {
        post(&server, name);
    }
    let mut trial =
        lua("function transform(r)\n\tupto.log('info', r.name)\n\tif r.name == 'B' then return nil end\n\t\
         if r.name == 'C' then error('no') end\n\tr.name = r.name:lower()\n\treturn r\nend");
    trial["last"] = json!(10);
    let tried = server.post_to("/api/functions/candidate/try", &trial).json();
    let outcomes: Vec<_> = tried["results"].as_array().expect("a list").iter().map(|r| r["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("changed"), json!("dropped"), json!("failed")]);
    let difference = tried["results"][0]["difference"].as_str().expect("text");
    assert!(
        difference.contains("-   \"name\": \"A\",\n") && difference.contains("+   \"name\": \"a\",\n"),
        "{difference}"
    );
    assert_eq!(tried["results"][2]["failure"]["message"], "candidate.lua:4: no");
    assert_eq!(tried["logs"].as_array().expect("a list").len(), 3);
    assert_eq!(server.get("/api/functions/candidate").status, 404);

    trial["last"] = json!(2);
    trial["settings"] = json!({"contexts": ["other"]});
    assert_eq!(server.post_to("/api/functions/candidate/try", &trial).json()["results"], json!([]), "none concern it");
    let receives = json!({"language": "lua", "source": "function receive(request) end",
        "cases": [{"name": "nothing", "request": {"body": ""}, "out": []}], "last": 2});
    let tried = server.post_to("/api/functions/hook/try", &receives).json();
    assert_eq!((&tried["results"], &tried["cases"][0]["passed"]), (&json!([]), &json!(true)), "its cases are run");

    deployed(&server, "stamp", &lua(&stamps(1)));
    let tried = server
        .post_to("/api/functions/stamp/try", &json!({"reports": [{"context": "c", "name": "n", "type": "point"}]}));
    assert_eq!(tried.json()["results"][0]["out"][0]["labels"], json!({"stamp": "1"}));
}

#[test]
fn a_deployed_version_is_tried_with_other_cases_and_settings() {
    let server = Server::start();
    let report = json!({"context": "c", "name": "n", "type": "point"});
    let mut stamp = lua(&stamps(1));
    stamp["cases"] = json!([{"name": "own", "in": [], "out": []}]);
    deployed(&server, "stamp", &stamp);
    let tried = |body: Value| server.post_to("/api/functions/stamp/try", &body);
    let as_it_is = tried(json!({"version": 1, "reports": [report]})).json();
    assert_eq!((&as_it_is["cases"][0]["name"], &as_it_is["results"][0]["outcome"]), (&json!("own"), &json!("changed")));
    let other = tried(json!({
        "reports": [report],
        "cases": [{"name": "other", "in": [report], "out": [report]}],
        "settings": {"contexts": ["d"]},
    }));
    let other = other.json();
    assert_eq!((&other["cases"][0]["name"], &other["cases"][0]["passed"]), (&json!("other"), &json!(false)), "{other}");
    assert_eq!(other["results"][0]["outcome"], "not concerned");
    assert_eq!(tried(json!({"language": "wasm"})).status, 400);
    assert_eq!(tried(json!({"version": 1, "language": "lua", "source": stamps(2)})).status, 400);
    assert_eq!(function(&server, "stamp")["versions"], 1);
}

#[test]
fn a_check_that_is_given_or_says_too_much_is_refused_by_name() {
    let server = Server::start();
    let row = format!("k,{}\n", "x".repeat(15 << 20));
    for table in ["big-a", "big-b", "big-c"] {
        assert_eq!(server.put_as(&format!("/api/tables/{table}"), "text/csv", row.as_bytes()).status, 201);
    }
    let looks = |tables: &str| format!("-- {tables}\nfunction transform(r) return r end");
    assert_eq!(deploy(&server, "two", &looks("big-a big-c")).status, 201);
    let three = deploy(&server, "three", &looks("big-a big-b big-c"));
    assert_eq!((three.status, three.text.contains("the last of them \\\"big-c\\\"")), (422, true), "{three:?}");

    let source = "local text = ('x'):rep(1000)\nfunction transform(r)\n\tlocal labels = {}\n\t\
         for i = 1, 20 do labels['l' .. i] = text end\n\tlocal many = {}\n\t\
         for i = 1, 50 do many[i] = upto.copy(r, {labels = labels}) end\n\treturn many\nend";
    let mut many = lua(source);
    many["reports"] = (0..12).map(|n| json!({"context": "c", "name": format!("n{n}"), "type": "point"})).collect();
    let said = server.post_to("/api/functions/many/try", &many);
    assert_eq!((said.status, said.text.contains("more than 16 MiB: try fewer")), (422, true), "{}", said.text);
}

/// An unsigned number as WebAssembly writes it.
#[test]
fn a_canary_that_fails_is_rolled_back_and_one_in_the_shadow_is_compared() {
    let database = Database::fresh().expect("a database");
    let (server, other) = (Server::with(&["--store", database.url()]), Server::with(&["--store", database.url()]));
    deployed(&server, "stamp", &lua(&stamps(1)));
    let mut second = lua("function transform(r) if r.name:find('x') then error('no') end return r end");
    second["activate"] = json!(false);
    assert_eq!(deployed(&server, "stamp", &second), 2);
    assert_eq!(function(&server, "stamp")["active"], 1);

    let shadow =
        server.post_to("/api/functions/stamp/canary", &json!({"version": 2, "shadow": true, "max_error_rate": 1}));
    assert_eq!(shadow.status, 200, "{shadow:?}");
    post(&server, "y");
    let canary = &function(&server, "stamp")["canary"];
    assert_eq!((&canary["same"], &canary["different"]), (&json!(0), &json!(1)));
    assert_eq!(canary["difference"]["active"][0]["labels"], json!({"stamp": "1"}));
    assert_eq!(server.event("ctx", "1", "y", "").expect("there")["functions"], json!(["stamp@1"]));

    post(&server, "x");
    let difference = function(&server, "stamp")["canary"]["difference"].clone();
    assert_eq!(difference["canary_failure"], json!({"cause": "error", "message": "stamp.lua:1: no"}));
    assert_eq!((&difference["canary"][0]["name"], &difference["active_failure"]), (&json!("x"), &Value::Null));
    let half = json!({"version": 2, "share": 1, "by": "host", "max_error_rate": 0.1});
    assert_eq!(server.post_to("/api/functions/stamp/canary", &half).status, 200);
    let many: Vec<_> = (0..60).map(|i| json!({"context": "ctx", "name": format!("x{i}"), "type": "point"})).collect();
    assert_eq!(server.post(&Value::Array(many)).json()["accepted"], 60, "what the canary fails on goes on unchanged");
    let ended = server.wait_for("the rollback", |server| {
        let function = function(server, "stamp");
        function["canary"].is_null().then_some(function)
    });
    assert_eq!((&ended["active"], &ended["rolled_back"]["version"]), (&json!(1), &json!(2)));
    assert!(ended["rolled_back"]["reason"].as_str().expect("text").contains("60 of 60 reports failed"), "{ended}");
    assert!(
        ended["rolled_back"]["reason"].as_str().is_some_and(|reason| reason.ends_with("stamp.lua:1: no")),
        "{ended}"
    );
    other.wait_for("the rollback at the other instance", |other| {
        let function = function(other, "stamp");
        (function["canary"].is_null() && !function["rolled_back"].is_null()).then_some(())
    });
}

#[test]
fn a_version_that_an_instance_can_not_load_leaves_the_former_one_and_says_so() {
    let database = Database::fresh().expect("a database");
    let server = Server::with(&["--store", database.url()]);
    deployed(&server, "stamp", &lua(&stamps(1)));
    // As a newer upto would write it, with a language that this one does not know.
    let newer = "WITH v AS (INSERT INTO upto.function_versions SELECT (jsonb_populate_record(v, \
         '{\"number\": 2, \"language\": \"brainfuck\"}')).* FROM upto.function_versions v), \
         f AS (UPDATE upto.functions SET versions = 2, active = 2) UPDATE upto.registry SET revision = revision + 1";
    database.query(&format!("{newer} RETURNING '1'")).expect("it is written");
    let stuck = server.wait_for("a problem", |server| {
        let function = function(server, "stamp");
        (!function["problem"].is_null()).then_some(function)
    });
    assert_eq!((&stuck["active"], &stuck["running"], &stuck["state"]), (&json!(2), &json!(1), &json!("broken")));
    let problem = stuck["problem"].as_str().expect("text");
    assert!(
        problem.starts_with("version 2 can't be loaded here: ") && problem.ends_with("version 1 goes on"),
        "{problem}"
    );
    post(&server, "x");
    assert_eq!(server.event("ctx", "1", "x", "").expect("there")["functions"], json!(["stamp@1"]));
}

#[test]
fn a_tap_shows_reports_and_logs_are_kept() {
    let server = Server::start();
    deployed(
        &server,
        "chatty",
        &lua("function transform(r) upto.log('warn', 'saw ' .. r.name) r.host = 'h' return r end"),
    );
    let mut tap = Stream::open(&server, "/api/functions/chatty/tap");
    post(&server, "x");
    let sample = tap.event("report").expect("a sample");
    assert_eq!(
        (&sample["outcome"], &sample["before"]["name"], &sample["after"][0]["host"]),
        (&json!("changed"), &json!("x"), &json!("h"))
    );
    let logs = server.get("/api/functions/chatty/logs").json();
    let line = &logs["_embedded"]["lines"][0];
    assert_eq!((&line["level"], &line["text"], &line["version"]), (&json!("warn"), &json!("saw x"), &json!(1)));
    let next = logs["_links"]["next"]["href"].as_str().expect("a link");
    assert_eq!(server.get(next).json()["_embedded"]["lines"], json!([]));
}

#[test]
fn tables_are_deployed_and_shared() {
    let database = Database::fresh().expect("a database");
    let (server, other) = (Server::with(&["--store", database.url()]), Server::with(&["--store", database.url()]));
    let hosts: String = (0..100_000).map(|i| format!("ip-{i},web-{i}\n")).collect();
    let made = server.put_as("/api/tables/hosts", "text/csv", hosts.as_bytes());
    assert_eq!((made.status, &made.json()["rows"]), (201, &json!(100_000)));
    let again = server.put_as("/api/tables/hosts", "text/csv", hosts.as_bytes());
    assert_eq!((again.status, &again.json()["changed_at"]), (200, &made.json()["changed_at"]), "nothing changed");
    assert_eq!(server.put_as("/api/tables/hosts", "text/csv", b"a,b\nc\n").status, 422);
    let mut maps = lua("function transform(r) r.host = upto.lookup('hosts', r.host) or r.host return r end");
    let report = |host: &str| json!({"context": "c", "name": "n", "type": "point", "host": host});
    maps["cases"] = json!([{"name": "maps", "in": [report("ip-7")], "out": [report("web-7")]}]);
    deployed(&server, "maps", &maps);
    other.wait_for("the table and the function", |other| {
        other.post(&report("ip-99999"));
        other.event("c", "1", "n", "web-99999")
    });
    assert_eq!(other.get("/api/tables").json()["_embedded"]["tables"][0]["name"], "hosts");
    assert_eq!(server.delete("/api/tables/hosts").status, 204);
    assert_eq!(server.get("/api/tables/hosts").status, 404);
}

/// Sends points at some 2,000 a second over all servers until `done`.
fn load(servers: &[SocketAddr], done: &AtomicBool, sent: &AtomicU64) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let mut datagram = Vec::new();
    let begun = Instant::now();
    let mut count = 0_u64;
    while !done.load(Ordering::Relaxed) {
        while (count as f64) < begun.elapsed().as_secs_f64() * 2_000.0 {
            datagram.clear();
            msgpack::encode(&Report::new(Kind::Point, "load", format!("n{count}")), &mut datagram);
            socket.send_to(&datagram, servers[count as usize % servers.len()]).expect("loopback takes datagrams");
            count += 1;
        }
        // The pace of the sender, not a wait for anything.
        std::thread::sleep(Duration::from_millis(5));
    }
    sent.store(count, Ordering::Relaxed);
}

#[test]
fn fifty_deployments_under_load_on_three_instances_lose_nothing_and_agree() {
    let database = Database::fresh().expect("a database");
    let servers: Vec<Server> = (0..3).map(|_| Server::with(&["--store", database.url()])).collect();
    assert_eq!(deployed(&servers[0], "stamp", &lua(&stamps(1))), 1);
    agree(&servers, 1);
    let (done, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let sockets: Vec<SocketAddr> = servers.iter().map(|server| server.udp).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| load(&sockets, &done, &sent));
        let (mut newest, mut slowest) = (1_usize, Duration::ZERO);
        for turn in 0..50 {
            let server = &servers[turn % servers.len()];
            let wanted = match turn % 5 {
                // A rollback to an older version.
                3 => {
                    let version = 1 + turn * 7 % newest;
                    let order = json!({"version": version});
                    assert_eq!(server.post_to("/api/functions/stamp/activate", &order).status, 200);
                    version
                }
                // A broken one, which never goes live.
                4 => {
                    let broken =
                        if turn % 2 == 0 { "function transform(" } else { "function transform(r) error('no') end" };
                    let mut body = lua(broken);
                    let report = json!({"context": "c", "name": "n", "type": "point"});
                    body["cases"] = json!([{"name": "keeps", "in": [report], "out": [report]}]);
                    let path = "/api/functions/stamp";
                    let answer = server.put_as(path, "application/json", body.to_string().as_bytes());
                    assert_eq!(answer.status, 422, "{answer:?}");
                    continue;
                }
                _ => {
                    newest += 1;
                    assert_eq!(deployed(server, "stamp", &lua(&stamps(newest))), newest as u64);
                    newest
                }
            };
            slowest = slowest.max(agree(&servers, wanted));
        }
        done.store(true, Ordering::Relaxed);
        assert!(slowest < AGREEMENT, "{slowest:?}");
        println!("deployments: all instances agree within {} ms", slowest.as_millis());
    });
    let sent = sent.load(Ordering::Relaxed);
    let stored = || servers.iter().map(|server| server.metric("upto_reports_stored_total")).sum::<u64>();
    servers[0].wait_for("all reports", |_| (stored() >= sent).then_some(()));
    let query = "SELECT count(*)::text, count(*) FILTER (WHERE functions = 'stamp@' || (labels ->> 'stamp'))::text \
         FROM upto.event_durations";
    let counts = database.query(query).expect("the view answers");
    assert_eq!(
        counts,
        [[Some(sent.to_string()), Some(sent.to_string())]],
        "all stored, each by the version that it names"
    );
}

/// Waits until all instances run this version; how long it took.
fn agree(servers: &[Server], version: usize) -> Duration {
    let begun = Instant::now();
    for server in servers {
        let runs = |server: &Server| {
            let answer = server.get("/api/functions/stamp");
            (answer.status == 200 && answer.json()["running"] == json!(version)).then_some(())
        };
        server.wait_for("the version", runs);
    }
    begun.elapsed()
}
