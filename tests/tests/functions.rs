//! Lua functions: what they do to reports of every kind, how they fail, and how they change while the server runs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use upto_tests::server::{Server, command, root, run};
use upto_wire::{Kind, Report, msgpack};

/// A folder of functions.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("it can be written");
    }
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn start(folder: &TempDir) -> Server {
    Server::with(&["--scripts", text(folder.path())])
}

fn send(server: &Server, name: &str) {
    let mut bytes = Vec::new();
    msgpack::encode(&Report::new(Kind::Point, "ctx", name), &mut bytes);
    server.send(&[&bytes]);
}

fn post(server: &Server, name: &str) -> Value {
    let answer = server.post(&json!({"context": "ctx", "name": name, "type": "point"}));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// A function that appends to the name.
fn appends(text: &str) -> String {
    format!("function transform(report)\n  report.name = report.name .. \"{text}\"\n  return report\nend\n")
}

#[test]
fn functions_change_reports_of_every_kind_in_the_order_of_their_files() {
    let server = start(&folder(&[
        ("20-second.lua", &appends("2")),
        ("10-first.lua", &appends("1")),
        ("notes.txt", "no function"),
    ]));
    send(&server, "datagram");
    server.wait_for_event("ctx", "1", "datagram12", "");
    post(&server, "request");
    assert!(server.event("ctx", "1", "request12", "").is_some());
    assert_eq!(server.timeline("ctx", "1").expect("made")["events"], 2, "the old names made no events");
    assert_eq!(server.metric("upto_function_changed_total"), 4);
}

#[test]
fn what_a_function_drops_and_adds_is_counted() {
    let filter =
        "function transform(report)\n  if report.name:find('^noise') then return nil end\n  return report\nend\n";
    let double = "function transform(report)\n  return { report, upto.copy(report, { host = 'copy' }) }\nend\n";
    let server = start(&folder(&[("1-filter.lua", filter), ("2-double.lua", double)]));
    for name in ["noise 1", "step", "noise 2"] {
        send(&server, name);
    }
    let balance = server.wait_for_rest(3);
    assert_eq!((balance.received, balance.dropped, balance.made, balance.stored), (3, 2, 1, 2));
    assert_eq!(post(&server, "noise 3")["accepted"], 1, "it was taken, and dropped as the operator wants it");
    assert_eq!(server.timeline("ctx", "1").expect("made")["events"], 2);
    assert!(
        server.get("/metrics").text.contains("upto_function_dropped_total{function=\"1-filter\",version=\"0\"} 3\n")
    );
}

#[test]
fn a_report_on_which_a_function_fails_passes_unchanged_and_is_counted() {
    let hang = "function transform(report)\n  while report.name == 'hang' do end\n  if report.name == 'raise' then error('no') end\n  return report\nend\n";
    let server = start(&folder(&[("1-faulty.lua", hang), ("2-append.lua", &appends("!"))]));
    for name in ["hang", "raise", "fine"] {
        post(&server, name);
        assert!(server.event("ctx", "1", &format!("{name}!"), "").is_some(), "{name}");
    }
    let metrics = server.get("/metrics").text;
    for cause in ["time", "error"] {
        let line = format!("upto_function_failed_total{{function=\"1-faulty\",version=\"0\",cause=\"{cause}\"}} 1\n");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
}

#[test]
fn a_function_that_hangs_on_every_report_does_not_hold_up_the_server() {
    const REPORTS: usize = 200;
    let server = start(&folder(&[("hang.lua", "function transform(report) while true do end end\n")]));
    for number in 0..REPORTS {
        send(&server, &number.to_string());
    }
    assert_eq!(server.get("/readyz").status, 200);
    post(&server, "request");
    let balance = server.wait_for_rest(REPORTS as u64 + 1);
    assert_eq!(balance.stored, REPORTS as u64 + 1);
    let failed = server.metric("upto_function_failed_total");
    assert!(failed > 0 && failed + server.metric("upto_function_skipped_total") == REPORTS as u64 + 1);
}

#[test]
fn a_function_is_replaced_while_the_server_runs_unless_the_new_version_is_broken() {
    let scripts = folder(&[("name.lua", &appends(" v1"))]);
    let server = start(&scripts);
    post(&server, "a");
    assert!(server.event("ctx", "1", "a v1", "").is_some());
    let file = scripts.path().join("name.lua");
    // Reports are sent until one meets the new version: the log says that it is loaded, not that it is live.
    let becomes = |version: &str| {
        let mut number = 0;
        server.wait_for(version, |server| {
            number += 1;
            post(server, &format!("{number} to"));
            server.event("ctx", "1", &format!("{number} to{version}"), "").map(|_| ())
        });
    };
    fs::write(&file, appends(" v2")).expect("it can be written");
    becomes(" v2");
    fs::write(&file, "function transform(report)\n  return report\nend\n)\n").expect("it can be written");
    let line = server.wait_for_log("its old version stays");
    assert!(line.contains("name.lua") && line.contains(":4:"), "file and line: {line}");
    post(&server, "b");
    assert!(server.event("ctx", "1", "b v2", "").is_some());
    fs::write(&file, appends(" v3")).expect("it can be written");
    becomes(" v3");
    fs::write(scripts.path().join("other.lua"), appends(" other")).expect("it can be written");
    becomes(" v3 other");
    fs::remove_file(&file).expect("it can be removed");
    becomes(" other");
}

#[test]
fn a_folder_that_is_missing_stops_the_start() {
    for option in ["--scripts", "--plugins"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ended = run(command("upto")
            .args(["serve", "--udp", "127.0.0.1:0", "--http", "127.0.0.1:0", option, "nowhere"])
            .current_dir(folder.path()));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains("nowhere") && ended.stderr.contains(option), "{}", ended.stderr);
    }
}

#[test]
fn the_shipped_functions_pass_their_cases() {
    let ended = run(command("upto").args(["function", "test"]).arg(root().join("scripts")));
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.ends_with(" 0 failed\n") && !ended.stdout.contains(": 0 cases"), "{}", ended.stdout);
}

#[test]
fn a_case_that_fails_shows_the_difference() {
    let cases = json!([
        {"name": "right", "in": [{"context": "c", "name": "a", "type": "end"}], "out": [{"context": "c", "name": "a1", "type": "end"}]},
        {"name": "wrong", "in": [{"context": "c", "name": "a", "type": "end"}], "out": [{"context": "c", "name": "a2", "type": "end"}]},
    ]);
    let scripts = folder(&[("append.lua", &appends("1")), ("append.cases.json", &cases.to_string())]);
    let ended = run(command("upto").args(["function", "test"]).arg(scripts.path()));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for line in [
        "append.lua: right: ok\n",
        "append.lua: wrong: failed\n",
        "    -     \"name\": \"a2\",\n",
        "    +     \"name\": \"a1\",\n",
    ] {
        assert!(ended.stdout.contains(line), "{line:?} in {}", ended.stdout);
    }
    assert!(ended.stdout.ends_with("1 function: 1 case passed, 1 failed\n"), "{}", ended.stdout);
    assert_eq!(run(command("upto").args(["function", "test", "nowhere"])).code, Some(2));
}
