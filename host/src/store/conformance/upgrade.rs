//! A store that an older upto has made is brought up to date, with what it holds. `version_1/` has the schemas as they
//! were.

use upto_tests::postgres::Database as Server;

use super::functions::{add, version};
use super::*;

/// An event as version 1 wrote it, without the schema's prefix.
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_version_1_is_upgraded() {
    let database = Database::sqlite_file();
    let path = database.url.strip_prefix("sqlite:").expect("a path");
    let old = rusqlite::Connection::open(path).expect("the file opens");
    old.execute_batch(include_str!("version_1/sqlite.sql")).expect("the old schema");
    old.execute_batch(&EVENT.replace("{time}", &at(1).micros().to_string())).expect("an event");
    old.pragma_update(None, "user_version", 1).expect("written");
    drop(old);
    is_up_to_date(database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_version_1_is_upgraded() {
    let server = Server::fresh().expect("a database");
    server.execute(include_str!("version_1/postgres.sql")).expect("the old schema");
    let event = EVENT.replace("{time}", &format!("'{}'", at(1)));
    server.execute(&format!("SET search_path = upto; {event}")).expect("an event");
    is_up_to_date(Database::on(server)).await;
}
