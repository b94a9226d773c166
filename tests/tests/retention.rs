//! Rules of retention in upto.toml, followed by real servers.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use upto_tests::postgres::{Database, Postgres};
use upto_tests::server::{Server, command, root, run};

const DELETED: &str = "upto_retention_deleted_timelines_total";
/// The first three of six runs go.
const THREE_REMAIN: &str = "[[retention]]\ncontexts = ['deploy-*']\nmax_timelines = 3";

/// A server with these rules that does its housekeeping each second.
fn with_rules(rules: &str, arguments: &[&str]) -> Server {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = format!("housekeeping_every = '1s'\n{rules}");
    fs::write(folder.path().join("upto.toml"), text).expect("written");
    Server::in_folder(folder, arguments)
}

/// Begins runs of a context, each with one step that runs.
fn begin_runs(server: &Server, context: &str, runs: u32) {
    for _ in 0..runs {
        let made = server.post_to(&format!("/api/contexts/{context}/timelines"), &json!({}));
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(server.post(&json!({"context": context, "name": "step", "type": "start"})).status, 200);
    }
}

/// The numbers of a context's runs, newest first.
fn runs(server: &Server, context: &str) -> Vec<u64> {
    let answer = server.get(&format!("/api/contexts/{context}/timelines")).json();
    let timelines = answer["_embedded"]["timelines"].as_array().cloned().unwrap_or_default();
    timelines.iter().filter_map(|timeline| timeline["number"].as_u64()).collect()
}

fn wait_for_runs(server: &Server, context: &str, wanted: &[u64]) {
    server.wait_for("the deletion", |server| (runs(server, context) == wanted).then_some(()));
}

#[test]
fn of_six_runs_the_newest_three_remain() {
    let server = with_rules(THREE_REMAIN, &[]);
    begin_runs(&server, "build", 6);
    begin_runs(&server, "deploy-shop", 6);
    wait_for_runs(&server, "deploy-shop", &[6, 5, 4]);
    server.wait_for("the counters", |server| (server.metric(DELETED) == 3).then_some(()));
    assert_eq!(server.metric("upto_retention_deleted_events_total"), 3);
    assert_eq!(server.metric("upto_housekeeping_failed_rounds_total"), 0);
    assert!(server.wait_for_log("deleted what is not kept").contains("timelines="));
    assert_eq!(runs(&server, "build"), [6, 5, 4, 3, 2, 1], "no rule names it");
    // What remains goes on.
    assert_eq!(server.post(&json!({"context": "deploy-shop", "name": "step", "type": "end"})).status, 200);
    assert_eq!(server.event("deploy-shop", "6", "step", "").expect("there")["state"], "ended");
}

#[test]
fn what_is_silent_for_too_long_goes_and_its_context_with_it() {
    let server = with_rules("[[retention]]\ncontexts = ['deploy']\nmax_age = '1s'", &[]);
    begin_runs(&server, "deploy", 2);
    begin_runs(&server, "build", 1);
    let is_gone = |server: &Server| (server.get("/api/contexts/deploy").status == 404).then_some(());
    server.wait_for("the end of the context", is_gone);
    let deleted = server.metric(DELETED);
    assert!(deleted >= 2, "{deleted}");
    assert_eq!(runs(&server, "build"), [1]);
    // It comes back with the next report, and counts anew.
    assert_eq!(server.post(&json!({"context": "deploy", "name": "step", "type": "start"})).status, 200);
    server.wait_for("its second end", is_gone);
    assert!(server.metric(DELETED) > deleted);
}

#[test]
fn a_rule_says_when_a_silent_run_is_given_up_until_there_is_none() {
    let database = Database::fresh().expect("a database");
    let store = ["--store", database.url()];
    let server = with_rules("[[retention]]\ncontexts = ['deploy']\nabandon_after = '1s'", &store);
    begin_runs(&server, "deploy", 1);
    begin_runs(&server, "build", 1);
    let state = |server: &Server, context: &str| server.timeline(context, "1").expect("there")["state"].clone();
    let after = |server: &Server| server.get("/api/contexts/deploy").json()["abandon_after_s"].clone();
    server.wait_for("the end of patience", |server| (state(server, "deploy") == "unfinished").then_some(()));
    assert_eq!((after(&server), state(&server, "build")), (json!(1), json!("running")));
    let shown = database.query("SELECT context, state FROM upto.timeline_summaries ORDER BY context").expect("rows");
    let row = |context: &str, state: &str| vec![Some(context.to_owned()), Some(state.to_owned())];
    assert_eq!(shown, [row("build", "running"), row("deploy", "unfinished")]);
    server.stop().expect("it stops");
    let server = with_rules("", &store);
    server.wait_for("the default", |server| (after(server) == 86_400).then_some(()));
    assert_eq!(state(&server, "deploy"), json!("running"));
    assert_eq!(server.metric(DELETED), 0);
}

#[test]
fn one_of_two_instances_works_and_the_other_takes_over_when_it_is_killed() {
    let database = Database::fresh().expect("a database");
    let store = ["--store", database.url()];
    let mut servers = [with_rules(THREE_REMAIN, &store), with_rules(THREE_REMAIN, &store)];
    begin_runs(&servers[0], "deploy-shop", 6);
    wait_for_runs(&servers[1], "deploy-shop", &[6, 5, 4]);
    let worker = servers[0].wait_for("who did it", |_| servers.iter().position(|server| server.metric(DELETED) == 3));
    if worker == 1 {
        servers.swap(0, 1);
    }
    let [worker, other] = servers;
    for last in 7..10 {
        begin_runs(&other, "deploy-shop", 1);
        wait_for_runs(&other, "deploy-shop", &[last, last - 1, last - 2]);
    }
    worker.wait_for("the counter", |worker| (worker.metric(DELETED) == 6).then_some(()));
    assert_eq!(other.metric(DELETED), 0, "only one of them works");
    // Dropped, it is killed: nobody gives the lease back.
    drop(worker);
    begin_runs(&other, "deploy-shop", 3);
    wait_for_runs(&other, "deploy-shop", &[12, 11, 10]);
    other.wait_for("the counter", |other| (other.metric(DELETED) == 3).then_some(()));
}

#[test]
fn who_stops_gives_the_housekeeping_back() {
    let database = Database::fresh().expect("a database");
    let server = with_rules(THREE_REMAIN, &["--store", database.url()]);
    begin_runs(&server, "deploy-shop", 6);
    wait_for_runs(&server, "deploy-shop", &[6, 5, 4]);
    let held = || database.query("SELECT until > clock_timestamp() FROM upto.housekeeping").expect("a row");
    let is = |held: &str| vec![vec![Some(held.to_owned())]];
    server.wait_for("the lease", |_| (held() == is("t")).then_some(()));
    let (status, _) = server.stop().expect("it stops");
    assert_eq!((status.code(), held()), (Some(0), is("f")));
}

#[test]
fn a_stop_does_not_wait_for_a_long_deletion_which_goes_on_after_the_start() {
    let server = with_rules(THREE_REMAIN, &[]);
    let start = |number| json!({"context": "deploy-shop", "name": format!("step-{number}"), "type": "start"});
    for body in 0..5 {
        let reports: Vec<Value> = (0..10_000).map(|number| start(body * 10_000 + number)).collect();
        assert_eq!(server.post(&Value::from(reports)).status, 200);
    }
    begin_runs(&server, "deploy-shop", 3);
    let deleted = |server: &Server| server.metric("upto_retention_deleted_events_total");
    server.wait_for("its begin", |server| (deleted(server) > 0).then_some(()));
    let asked = Instant::now();
    let (status, folder) = server.stop().expect("it stops");
    assert_eq!(status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
    let server = Server::in_folder(folder, &[]);
    wait_for_runs(&server, "deploy-shop", &[4, 3, 2]);
}

#[test]
fn an_outage_of_the_store_is_told_once() {
    let postgres = Arc::new(Postgres::start().expect("a server"));
    let database = Database::fresh_on(&postgres).expect("a database");
    let server = with_rules(THREE_REMAIN, &["--store", database.url()]);
    postgres.kill().expect("it ends");
    let failed = |server: &Server| server.metric("upto_housekeeping_failed_rounds_total");
    server.wait_for("failed rounds", |server| (failed(server) >= 2).then_some(()));
    postgres.restart().expect("it starts");
    server.wait_for_log("the housekeeping failed");
    let next = server.wait_for_log("the housekeeping");
    assert!(next.contains("works again"), "{next}");
    begin_runs(&server, "deploy-shop", 6);
    wait_for_runs(&server, "deploy-shop", &[6, 5, 4]);
}

#[test]
fn a_faulty_rule_is_told_with_its_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("upto.toml"), "[[retention]]\ncontexts = ['*']\nmax_age = 'soon'\n").expect("written");
    let ended = run(command("upto").args(["serve", "--udp", "127.0.0.1:0"]).current_dir(folder.path()));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("line 3: \"soon\" is no length of time: write it such as 90d"), "{}", ended.stderr);
}

#[test]
fn the_rules_that_the_docs_show_are_taken() {
    let page = fs::read_to_string(root().join("docs/operations.md")).expect("the page exists");
    let mut blocks = page.split("```toml\n").skip(1).filter_map(|part| part.split("```").next());
    let rules = blocks.find(|block| block.contains("[[retention]]")).expect("it shows rules");
    let server = with_rules(rules, &[]);
    begin_runs(&server, "deploy-shop", 1);
    let after = server.wait_for("the rule", |server| {
        let after = server.get("/api/contexts/deploy-shop").json()["abandon_after_s"].clone();
        (after != 86_400).then_some(after)
    });
    assert_eq!(after, Value::from(7_200));
}
