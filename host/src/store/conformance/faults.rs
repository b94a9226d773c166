//! What goes wrong: stores that can't be opened, rows that vanish, servers that die, writers in each other's way.

use std::sync::Arc as Shared;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::*;
use upto_tests::postgres::{Database as Server, Postgres};

use crate::store::StoreError;

async fn refusal(url: &str) -> StoreError {
    open(url).await.err().expect("it does not open")
}

#[tokio::test]
async fn a_url_that_upto_does_not_know_is_told_what_it_takes() {
    for url in ["mysql://root:secret@db/x", "store.db", "", "secret@", "postgres:secret"] {
        let error = refusal(url).await;
        assert!(matches!(error, StoreError::Fatal(_)), "{url}: {error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(refusal("mysql://db/x").await.to_string().contains("sqlite:PATH, sqlite::memory:, postgres://"));
}

#[tokio::test]
async fn a_file_that_can_not_be_a_store_says_why() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = format!("sqlite:{}/no/such/store.db", folder.path().display());
    let error = refusal(&missing).await;
    assert!(matches!(&error, StoreError::Fatal(text) if text.contains("/no/such does not exist")), "{error:?}");
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "shopping list ".repeat(200)).expect("written");
    assert!(matches!(refusal(&format!("sqlite:{}", text.display())).await, StoreError::Fatal(_)));
    assert!(matches!(refusal("sqlite:").await, StoreError::Fatal(_)));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("store.db");
    let newer = rusqlite::Connection::open(&path).expect("the file opens");
    newer.pragma_update(None, "user_version", 99).expect("written");
    let database = Server::fresh().expect("a database");
    open(database.url()).await.expect("it opens");
    database.execute("INSERT INTO upto.schema_version VALUES (99)").expect("written");
    for url in [format!("sqlite:{}", path.display()), database.url().to_owned()] {
        let error = refusal(&url).await;
        assert!(matches!(&error, StoreError::Fatal(text) if text.contains("99")), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_says_why() {
    let database = Server::fresh().expect("a database");
    let (server, name) = database.url().rsplit_once('/').expect("a URL");
    let error = refusal(&format!("{server}/no_such_database")).await;
    assert!(matches!(&error, StoreError::Fatal(text) if text.contains("no_such_database")), "{error:?}");
    let (_, address) = server.rsplit_once('@').expect("a URL");
    let error = refusal(&format!("postgres://nobody:hidden@{address}/{name}")).await;
    assert!(matches!(&error, StoreError::Fatal(text) if !text.contains("hidden")), "{error:?}");
    let begun = Instant::now();
    let error = refusal("postgres://upto:hidden@127.0.0.1:1/upto").await;
    assert!(matches!(&error, StoreError::Unavailable(text) if !text.contains("hidden")), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_applied_once_by_many_at_once_and_again_by_hand() {
    let database = Server::fresh().expect("a database");
    let opened = join_all((0..8).map(|_| open(database.url()))).await;
    assert_eq!(
        opened.iter().filter_map(|store| store.as_ref().err()).map(ToString::to_string).collect::<Vec<_>>(),
        [""; 0]
    );
    report(&**opened[0].as_ref().expect("open"), "deploy", Target::Active, key("db", ""), start(1)).await;
    database.execute(include_str!("../../../../schema.sql")).expect("it can be applied again");
    let rows = database.query("SELECT count(*), (SELECT count(*) FROM upto.events) FROM upto.schema_version");
    assert_eq!(rows.expect("read"), [[Some("1".to_owned()), Some("1".to_owned())]]);
    let undescribed = "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
        WHERE c.relnamespace = 'upto'::regnamespace AND c.relkind = 'v' AND a.attnum > 0 \
          AND col_description(c.oid, a.attnum) IS NULL";
    assert_eq!(database.query(undescribed).expect("read"), Vec::<Vec<_>>::new(), "columns of views without a comment");
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_the_same_rows_in_any_order_never_deadlock() {
    let database = Server::fresh().expect("a database");
    let instances = join_all((0..8).map(|_| open(database.url()))).await;
    let writes = instances.iter().enumerate().map(|(writer, store)| async move {
        for round in 0..30_usize {
            // Every writer meets the names in another order, so that their ids are in no order that anyone wrote in; every
            // third round brings new contexts and names, which all make at once.
            let changes = (0..150_usize).map(|n| {
                let n = (n * (2 * writer + 7) + round * 17) % 150;
                let event = if (n + writer) % 2 == 0 { start(round as i64) } else { end(round as i64) };
                let (context, name) =
                    (format!("c{} {}", n % 5, round / 6), format!("{} {}", round / 3, n * 7_919 % 150));
                change(&context, named(&format!("t{}", n % 3)), key(&name, "h"), event)
            });
            let store = store.as_ref().expect("it opens");
            store.write(&batch(changes, at(0))).await.expect("written, with no deadlock");
        }
    });
    tokio::time::timeout(Duration::from_secs(120), join_all(writes)).await.expect("no one waits for ever");
    let rows = database.query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    assert_eq!(rows.expect("read"), [[Some("0".to_owned())]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_may_vanish_under_an_instance() {
    let database = Server::fresh().expect("a database");
    let store = open(database.url()).await.expect("it opens");
    let write = async || report(&*store, "deploy", Target::Active, key("db", "h"), start(1)).await;
    write().await;
    database.execute("TRUNCATE upto.contexts, upto.timelines, upto.texts, upto.events").expect("emptied");
    assert_eq!(write().await, [timeline("deploy", 1)]);
    assert_eq!(events(&*store, &timeline("deploy", 1)).await.len(), 1);
    database.execute("DELETE FROM upto.events; DELETE FROM upto.contexts").expect("deleted");
    assert_eq!(new(&*store, "deploy", None).await, 1);
    new(&*store, "deploy", None).await;
    database.execute("DELETE FROM upto.timelines WHERE number = 2").expect("deleted");
    assert_eq!(write().await, [timeline("deploy", 2)], "its number is not given to another one");
    assert_eq!(events(&*store, &timeline("deploy", 2)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_given_up_leaves_no_transaction_behind() {
    let database = Server::fresh().expect("a database");
    let store = open(&format!("{}?pool=1", database.url())).await.expect("it opens");
    let name = |n: u64| format!("step-{n}");
    for n in 0..60 {
        let changes = (0..200).map(|step| change("deploy", Target::Active, key(&name(step), "h"), start(n as i64)));
        // Some are given up before they begin, some in the middle, some not at all.
        let _ = tokio::time::timeout(Duration::from_micros(n * 150), store.write(&batch(changes, at(0)))).await;
    }
    let changes = (0..200).map(|step| change("deploy", Target::Active, key(&name(step), "h"), end(99)));
    store.write(&batch(changes, at(0))).await.expect("written");
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    assert_eq!(database.query(idle).expect("read"), [[Some("0".to_owned())]]);
    assert_eq!(events(&*store, &timeline("deploy", 1)).await.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_the_server_refuses_are_rejected_and_the_rest_goes_on() {
    let database = Server::fresh().expect("a database");
    let store = open(database.url()).await.expect("it opens");
    let changes = [change("deploy", Target::Active, key("a\0b", ""), start(1))];
    let error = store.write(&batch(changes, at(0))).await.expect_err("Postgres takes no NUL");
    assert!(matches!(error, StoreError::Rejected(_)), "{error:?}");
    report(&*store, "deploy", Target::Active, key("ab", ""), start(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_unavailable_and_comes_back() {
    let postgres = Shared::new(Postgres::start().expect("a cluster of its own"));
    let database = Server::fresh_on(&postgres).expect("a database");
    let store = open(database.url()).await.expect("it opens");
    let changes = || batch([change("deploy", Target::Active, key("db", ""), start(1))], at(0));
    store.write(&changes()).await.expect("written");
    let listens = async || tokio::time::timeout(Duration::from_secs(60), store.registry_changed()).await;
    listens().await.expect("it begins to listen");
    postgres.kill().expect("killed");
    for _ in 0..3 {
        let begun = Instant::now();
        let error = store.write(&changes()).await.expect_err("nobody is there");
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(store.ping().await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    postgres.restart().expect("it starts again");
    // Connections that broke without anybody looking are found out one by one.
    let mut tries = 0;
    while let Err(error) = store.write(&changes()).await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        tries += 1;
        assert!(tries < 10, "{error}");
    }
    assert_eq!(events(&*store, &timeline("deploy", 1)).await.len(), 1);
    listens().await.expect("it listens again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_kept_when_it_is_closed() {
    let database = Database::sqlite_file();
    report(&*database.open().await, "deploy", Target::Active, key("db", ""), start(1)).await;
    let store = database.open().await;
    assert_eq!(events(&*store, &timeline("deploy", 1)).await, [(key("db", ""), start(1))]);
}
