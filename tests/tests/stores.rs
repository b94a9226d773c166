//! Several instances on one server, and what happens when it is away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use upto_tests::postgres::{Database, Postgres};
use upto_tests::redis::{self, Redis};
use upto_tests::server::{Answer, Server, wait};
use upto_tests::stream::Stream;
use upto_wire::{Kind, Report, msgpack};

fn at(url: &str) -> Server {
    Server::with(&["--store", url])
}

fn on(database: &Database) -> Server {
    at(database.url())
}

fn report(kind: &str, name: &str) -> Value {
    json!({"context": "deploy", "name": name, "type": kind})
}

fn datagram(kind: Kind, name: &str) -> Vec<u8> {
    let mut datagram = Vec::new();
    msgpack::encode(&Report::new(kind, "deploy", name.to_owned()), &mut datagram);
    datagram
}

fn start_at_one_instance_and_end_at_another(url: &str) {
    let (one, two) = (at(url), at(url));
    assert_eq!(one.post(&report("start", "db.migrate")).status, 200);
    let mut watched = Stream::open(&two, "/api/contexts/deploy/timelines/1/stream");
    let first = watched.notice().expect("a notice at once");
    assert_eq!((&first["state"], &first["latest"]), (&json!("running"), &json!(1)));

    let made = one.post_as("/api/contexts/deploy/timelines", "application/json", b"{}");
    assert_eq!(made.json()["number"], 2);
    assert_eq!(watched.notice().expect("a notice of the new run")["latest"], 2);
    // It names no timeline, and goes to where the step runs.
    assert_eq!(two.post(&report("end", "db.migrate")).status, 200);
    let event = one.event("deploy", "1", "db.migrate", "").expect("there");
    assert_eq!(event["state"], "ended");
    assert_eq!(watched.notice().expect("a notice of the end")["state"], "ended");
}

#[test]
fn a_step_may_start_at_one_instance_and_end_at_another() {
    let database = Database::fresh().expect("a database");
    start_at_one_instance_and_end_at_another(database.url());
    let rows = database.query("SELECT timeline, name, state FROM upto.event_durations").expect("the view answers");
    assert_eq!(rows, [[Some("1".to_owned()), Some("db.migrate".to_owned()), Some("ended".to_owned())]]);
}

#[test]
fn it_may_on_redis_too() {
    start_at_one_instance_and_end_at_another(redis::Database::fresh().expect("a database").url());
}

fn nothing_acknowledged_is_lost_when(kill: impl Fn(), restart: impl Fn(), url: &str) {
    let server = at(url);
    assert_eq!(server.post(&report("start", "before")).status, 200);

    kill();
    let asked = Instant::now();
    let refused = server.post(&report("start", "meanwhile"));
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{refused:?}");
    assert!(asked.elapsed() < Duration::from_secs(7), "it was told after {:?}", asked.elapsed());
    assert_eq!(server.get("/readyz").status, 503);
    assert_eq!(server.get("/livez").status, 200);
    server.send(&[&datagram(Kind::Start, "waited")]);

    restart();
    server
        .wait_for("an accepted report", |server| (server.post(&report("start", "after")).status == 200).then_some(()));
    for name in ["before", "meanwhile", "waited", "after"] {
        server.wait_for_event("deploy", "1", name, "");
    }
    assert_eq!(server.metric("upto_reports_lost_total"), 0);
    assert!(server.metric("upto_store_retries_total") > 0);
}

#[test]
fn nothing_acknowledged_is_lost_when_postgres_goes_away_and_comes_back() {
    let postgres = Arc::new(Postgres::start().expect("a server"));
    let database = Database::fresh_on(&postgres).expect("a database");
    let (kill, restart) = (|| postgres.kill().expect("it ends"), || postgres.restart().expect("it starts"));
    nothing_acknowledged_is_lost_when(kill, restart, database.url());
}

#[test]
fn nothing_acknowledged_is_lost_when_redis_goes_away_and_comes_back() {
    let redis = Redis::start_durable().expect("a server");
    let (kill, restart) = (|| redis.kill().expect("it ends"), || redis.restart().expect("it starts"));
    nothing_acknowledged_is_lost_when(kill, restart, &redis.url(0));
}

#[test]
fn readiness_tells_of_a_store_that_may_lose_what_it_acknowledged() {
    let ready = |url: &str| {
        let answer = at(url).get("/readyz");
        assert_eq!(answer.status, 200);
        answer.text
    };
    let (durable, forgetful) =
        (Redis::start_durable().expect("a server"), redis::Database::fresh().expect("a database"));
    assert_eq!(ready(&durable.url(0)), "ok\n");
    assert_eq!(ready("sqlite:upto.db"), "ok\n");
    assert_eq!(ready("sqlite::memory:"), "ok\ndurability: weak (the store is in memory)\n");
    let weak = ready(forgetful.url());
    assert!(weak.starts_with("ok\ndurability: weak (appendonly is no, not yes"), "{weak}");
    let server = at(forgetful.url());
    server.wait_for_log("Redis may lose what upto has acknowledged");
}

#[test]
fn a_stop_while_the_store_is_away_ends_in_time_and_counts_what_is_lost() {
    let postgres = Arc::new(Postgres::start().expect("a server"));
    let database = Database::fresh_on(&postgres).expect("a database");
    let server = on(&database);
    assert_eq!(server.post(&report("start", "before")).status, 200);
    postgres.kill().expect("it ends");
    let runs: Vec<Vec<u8>> = (0..12)
        .map(|run| {
            let mut report = Report::new(Kind::Start, "deploy", "step");
            report.timeline = Some(format!("run-{run}").into());
            let mut datagram = Vec::new();
            msgpack::encode(&report, &mut datagram);
            datagram
        })
        .collect();
    server.send_paced(&runs);
    let asked = Instant::now();
    server.signal(libc::SIGTERM);
    let line = server.wait_for_log(" received=");
    assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?}", asked.elapsed());
    assert!(line.contains("received=13 stored=1") && line.contains("lost=12"), "{line}");
}

#[test]
fn an_event_that_the_store_refuses_costs_nobody_else_anything() {
    let database = Database::fresh().expect("a database");
    let server = on(&database);
    assert_eq!(server.post(&report("start", "first")).status, 200);
    database
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               IF NEW.started_at = '2026-01-02T03:04:05Z' THEN RAISE 'poisoned' USING ERRCODE = '22000'; END IF; \
               RETURN NEW; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON upto.events FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    // Requests that come while a batch is written share the next one with the poisoned.
    let statuses: Vec<Option<u16>> = std::thread::scope(|scope| {
        let post = |number: u32| {
            let url = server.url("/api/events");
            scope.spawn(move || {
                let mut report = report("start", &format!("step-{number}"));
                if number.is_multiple_of(10) {
                    report["time"] = "2026-01-02T03:04:05Z".into();
                }
                (0..5).map(|_| Answer::to_post(&url, &report).expect("an answer").status).max()
            })
        };
        let posters: Vec<_> = (0..30).map(post).collect();
        posters.into_iter().map(|poster| poster.join().expect("it posts")).collect()
    });
    for (number, status) in statuses.into_iter().enumerate() {
        assert_eq!(status, Some(if number % 10 == 0 { 422 } else { 200 }), "the request of step-{number}");
    }
    assert_eq!(server.metric("upto_reports_lost_total"), 3 * 5);
    assert_eq!(server.metric("upto_reports_stored_total"), 1 + 27 * 5);
    assert_eq!(server.timeline("deploy", "1").expect("there")["events"], 1 + 27);
}

#[test]
fn a_server_whose_store_can_never_be_opened_does_not_wait() {
    let mut refused = upto_tests::server::command("upto");
    refused.args([
        "serve",
        "--udp",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--store",
        "postgres://nobody@127.0.0.1:1/none",
    ]);
    let mut process = refused.stderr(std::process::Stdio::null()).spawn().expect("it runs");
    assert_eq!(wait(&mut process).expect("it ends").code(), Some(2));
}
