//! What every store must do, as one suite that runs on each of them: in a file, in memory, on real servers, and on one
//! behind a pooler.
//!
//! A test takes a [`Database`], fresh and empty, and opens it as often as it wants: each handle is an instance of upto.

mod docs;
mod faults;
mod function_sets;
mod functions;
mod housekeeping;
mod merge;
mod on_redis;
mod reads;
mod retention;
mod routing;
mod texts;
mod tls;
mod upgrade;
mod views;

use std::sync::Arc;
use std::time::{Duration, Instant};

use upto_tests::pgbouncer::PgBouncer;
use upto_wire::{Kind, Report, Status, Time};

use super::{
    Batch, Change, Deleted, Keep, NewTimeline, Result, Store, StoreError, Target, TimelineKey, TimelineRef, open,
};
use crate::event::{Event, EventKey, EventState, LabelText};

/// An empty database of one kind, removed when dropped.
pub(super) struct Database {
    /// What [`open`] takes.
    pub url: String,
    place: Place,
    /// What stands between, shared by all tests of the process.
    pooler: Option<Arc<PgBouncer>>,
}

enum Place {
    File(tempfile::TempDir),
    /// The one handle there can be.
    Memory(Arc<dyn Store>),
    Server(upto_tests::postgres::Database),
    Redis(upto_tests::redis::Database),
}

impl Database {
    /// A file in a folder of its own.
    pub fn sqlite_file() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        Database { url, place: Place::File(folder), pooler: None }
    }

    /// A store in memory.
    pub async fn sqlite_memory() -> Self {
        let url = "sqlite::memory:".to_owned();
        let only = open(&url).await.expect("a store in memory");
        Database { url, place: Place::Memory(only), pooler: None }
    }

    /// An empty database of a real server.
    pub fn postgres() -> Self {
        Database::on(upto_tests::postgres::Database::fresh().expect("a database on a test server"))
    }

    /// An empty database of a real server, reached through a pooler in transaction mode.
    pub fn postgres_pooled() -> Self {
        let database = Database::postgres();
        let pooler = PgBouncer::shared(&database.url).expect("a pooler before the test server");
        Database { url: pooler.url(&database.url).expect("its address"), pooler: Some(pooler), ..database }
    }

    /// An empty database of a real Redis.
    pub fn redis() -> Self {
        let database = upto_tests::redis::Database::fresh().expect("a database on a test server");
        Database { url: database.url().to_owned(), place: Place::Redis(database), pooler: None }
    }

    /// What is in a database of a real server.
    pub fn on(database: upto_tests::postgres::Database) -> Self {
        Database { url: database.url().to_owned(), place: Place::Server(database), pooler: None }
    }

    /// One more instance on it.
    pub async fn open(&self) -> Arc<dyn Store> {
        match &self.place {
            Place::Memory(only) => Arc::clone(only),
            _ => persist(|| open(&self.url)).await.expect("the database opens"),
        }
    }

    /// What a client that is not upto reads, each value as text.
    pub async fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        match &self.place {
            Place::Server(database) => database.query(sql).unwrap_or_else(|error| panic!("{error:#}: {sql}")),
            Place::File(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("store.db")).expect("the file opens");
                query_sqlite(&connection, sql).unwrap_or_else(|error| panic!("{error}: {sql}"))
            }
            Place::Memory(_) | Place::Redis(_) => panic!("nobody else can ask it by SQL"),
        }
    }

    /// Gives all ids of sets of functions away.
    pub async fn use_up_function_sets(&self) {
        match &self.place {
            Place::Server(database) => {
                let sql = "SELECT setval(pg_get_serial_sequence('upto.function_sets', 'id'), 32767)";
                database.query(sql).expect("the last id is taken");
            }
            Place::File(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("store.db")).expect("the file opens");
                connection.execute("INSERT INTO function_sets VALUES (32767, 'last@1')", []).expect("written");
            }
            Place::Memory(_) | Place::Redis(_) => panic!("nobody else can write to it, or it has no such ids"),
        }
    }

    /// The prefix of the views.
    pub fn schema(&self) -> &'static str {
        if self.is_postgres() { "upto." } else { "" }
    }

    /// An expression for a column of times as the text that SQLite's views have.
    pub fn time(&self, column: &str) -> String {
        match self.is_postgres() {
            true => format!(r#"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#),
            false => column.to_owned(),
        }
    }

    /// Whether an instance hears at once of what others change; behind a pooler and on Redis it has to ask.
    pub fn tells_of_changes(&self) -> bool {
        self.is_postgres() && self.pooler.is_none()
    }

    /// Whether several instances share it over a network.
    pub fn is_server(&self) -> bool {
        matches!(self.place, Place::Server(_) | Place::Redis(_))
    }

    /// Whether it is a database of Postgres.
    pub fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Server(_))
    }
}

fn query_sqlite(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<Vec<Option<String>>>> {
    use rusqlite::types::Value;
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let text = |value| match value {
        Value::Null => None,
        Value::Integer(value) => Some(value.to_string()),
        Value::Real(value) => Some(value.to_string()),
        Value::Text(value) => Some(value),
        Value::Blob(_) => Some("(bytes)".to_owned()),
    };
    let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column).map(text)).collect())?;
    rows.collect()
}

/// Runs tests of this suite, `async fn(Database)`, on every store.
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        mod sqlite_file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::store::conformance::Database::sqlite_file()).await;
            })*
        }
        mod sqlite_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::store::conformance::Database::sqlite_memory().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::store::conformance::Database::postgres()).await;
            })*
        }
        mod postgres_pooled {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::store::conformance::Database::postgres_pooled()).await;
            })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::store::conformance::Database::redis()).await;
            })*
        }
    };
}
use on_every_store;

/// A moment `seconds` after a fixed one.
fn at(seconds: i64) -> Time {
    Time::from_micros((1_900_000_800 + seconds) * 1_000_000)
}

/// What the store's clock says, more or less.
fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    Time::from_micros(since.as_micros() as i64)
}

fn named(name: &str) -> Target {
    Target::Named(name.to_owned())
}

fn key(name: &str, host: &str) -> EventKey {
    EventKey { name: name.to_owned(), host: host.to_owned() }
}

fn timeline(context: &str, number: u32) -> TimelineKey {
    TimelineKey { context: context.to_owned(), number }
}

fn start(seconds: i64) -> Event {
    Event::of_report(&Report::new(Kind::Start, "-", "-"), at(seconds))
}

fn end(seconds: i64) -> Event {
    Event::of_report(&Report::new(Kind::End, "-", "-"), at(seconds))
}

fn end_as(seconds: i64, status: Status) -> Event {
    Event::of_report(&Report { status: Some(status), ..Report::new(Kind::End, "-", "-") }, at(seconds))
}

fn point(seconds: i64) -> Event {
    Event::of_report(&Report::new(Kind::Point, "-", "-"), at(seconds))
}

fn merged(events: impl IntoIterator<Item = Event>) -> Event {
    events.into_iter().fold(Event::default(), |mut merged, event| {
        merged.merge(event);
        merged
    })
}

fn change(context: &str, target: Target, key: EventKey, event: Event) -> Change {
    Change { context: context.into(), target, key, event }
}

/// A batch that keeps its invariant: sorted, each event once.
fn batch(changes: impl IntoIterator<Item = Change>, received_at: Time) -> Batch {
    let mut changes: Vec<_> = changes.into_iter().collect();
    changes.sort_by(|a, b| (&a.context, &a.target, &a.key).cmp(&(&b.context, &b.target, &b.key)));
    changes.dedup_by(|later, kept| {
        let same = (&later.context, &later.target, &later.key) == (&kept.context, &kept.target, &kept.key);
        if same {
            kept.event.merge(std::mem::take(&mut later.event));
        }
        same
    });
    Batch { changes, received_at }
}

/// Does it until the store has time for it, as upto's writer does: many writers of one file may keep one of them waiting for
/// longer than a call does.
async fn persist<T>(call: impl AsyncFn() -> Result<T>) -> Result<T> {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        match call().await {
            Err(StoreError::Unavailable(_)) if Instant::now() < patience => {}
            done => return done,
        }
    }
}

/// Writes a batch, beside others who write.
async fn written(store: &dyn Store, batch: &Batch) -> Vec<TimelineKey> {
    persist(|| store.write(batch)).await.expect("a batch is written")
}

/// Writes what one report says.
async fn report(store: &dyn Store, context: &str, target: Target, key: EventKey, event: Event) -> Vec<TimelineKey> {
    written(store, &batch([change(context, target, key, event)], at(0))).await
}

/// Makes a timeline.
async fn new(store: &dyn Store, context: &str, name: Option<&str>) -> u32 {
    let new = NewTimeline {
        context: context.to_owned(),
        name: name.map(str::to_owned),
        labels: LabelText::default(),
        at: at(0),
        received_at: at(0),
    };
    persist(|| store.new_timeline(&new)).await.expect("a timeline is made").number
}

/// All events of a timeline.
async fn events(store: &dyn Store, timeline: &TimelineKey) -> Vec<(EventKey, Event)> {
    store.events(timeline, None, u32::MAX).await.expect("events are read")
}
