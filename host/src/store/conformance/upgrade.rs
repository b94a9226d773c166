//! A store that an older upto has made is brought up to date, with what it holds. `version_1/` and so on have the
//! schemas as they were.

use upto_tests::postgres::Database as Server;

use super::functions::{add, version};
use super::*;

/// An event as they all wrote it, without the schema's prefix.
const EVENT: &str = "INSERT INTO contexts (name, latest, created_at) VALUES ('deploy', 1, {time}); \
    INSERT INTO timelines (context_id, number, created_at, received_at) VALUES (1, 1, {time}, {time}); \
    INSERT INTO texts (context_id, text) VALUES (1, 'db'); \
    INSERT INTO events (context_id, timeline, name_id, host_id, started_at) VALUES (1, 1, 1, 0, {time});";

async fn is_up_to_date(database: Database) {
    let store = database.open().await;
    assert_eq!(events(&*store, &timeline("deploy", 1)).await, [(key("db", ""), start(1))]);
    report(&*store, "deploy", Target::Active, key("db", ""), end(2)).await;
    assert_eq!(add(&*store, &version("f", "a")).await, 1);
    let store = database.open().await;
    assert_eq!(events(&*store, &timeline("deploy", 1)).await, [(key("db", ""), merged([start(1), end(2)]))]);
    let shown = format!("SELECT name, state, functions FROM {}event_durations", database.schema());
    assert_eq!(database.query(&shown).await, [["db", "ended", ""].map(|cell| Some(cell.to_owned()))]);
    let silent = Time::from_micros(now().micros() - 100_000_000);
    written(&*store, &batch([change("build", Target::Active, key("db", "h"), start(3))], silent)).await;
    store.set_abandon_after("build", Some(60)).await.expect("set");
    for view in ["event_durations", "timeline_summaries"] {
        let shown = format!("SELECT state FROM {}{view} WHERE context = 'build'", database.schema());
        assert_eq!(database.query(&shown).await, [[Some("unfinished".to_owned())]]);
    }
    assert!(store.claim_housekeeping("one", Duration::from_secs(9)).await.expect("an answer"));
}

async fn a_file_is_upgraded(version: u32, schema: &str) {
    let database = Database::sqlite_file();
    let path = database.url.strip_prefix("sqlite:").expect("a path");
    let old = rusqlite::Connection::open(path).expect("the file opens");
    old.execute_batch(schema).expect("the old schema");
    old.execute_batch(&EVENT.replace("{time}", &at(1).micros().to_string())).expect("an event");
    old.pragma_update(None, "user_version", version).expect("written");
    drop(old);
    is_up_to_date(database).await;
}

async fn a_database_is_upgraded(schema: &str) {
    let server = Server::fresh().expect("a database");
    server.execute(schema).expect("the old schema");
    let event = EVENT.replace("{time}", &format!("'{}'", at(1)));
    server.execute(&format!("SET search_path = upto; {event}")).expect("an event");
    is_up_to_date(Database::on(server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_version_1_is_upgraded() {
    a_file_is_upgraded(1, include_str!("version_1/sqlite.sql")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_version_2_is_upgraded() {
    a_file_is_upgraded(2, include_str!("version_2/sqlite.sql")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_version_1_is_upgraded() {
    a_database_is_upgraded(include_str!("version_1/postgres.sql")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_version_2_is_upgraded() {
    a_database_is_upgraded(include_str!("version_2/postgres.sql")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_version_3_is_upgraded() {
    a_file_is_upgraded(3, include_str!("version_3/sqlite.sql")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_version_3_is_upgraded() {
    a_database_is_upgraded(include_str!("version_3/postgres.sql")).await;
}
