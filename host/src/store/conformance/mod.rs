//! What every store must do, as one suite that runs on each of them: in a file, in memory, and on a real server.
//!
//! A test takes a [`Database`], fresh and empty, and opens it as often as it wants: each handle is an instance of upto.

mod merge;
mod reads;
mod routing;

use std::sync::Arc;

use upto_wire::{Kind, Report, Status, Time};

use super::{Batch, Change, NewTimeline, Store, Target, TimelineKey, TimelineRef, open};
use crate::event::{Event, EventKey, LabelText};

/// An empty database of one kind.
pub(super) struct Database {
    /// What [`open`] takes.
    pub url: String,
    /// The one handle of a store in memory.
    only: Option<Arc<dyn Store>>,
    /// Removes the database when dropped.
    _guard: Box<dyn std::any::Any + Send + Sync>,
}

impl Database {
    /// A file in a folder of its own.
    pub fn sqlite_file() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        Database { url, only: None, _guard: Box::new(folder) }
    }

    /// A store in memory.
    pub async fn sqlite_memory() -> Self {
        let url = "sqlite::memory:".to_owned();
        let only = open(&url).await.expect("a store in memory");
        Database { url, only: Some(only), _guard: Box::new(()) }
    }

    /// An empty database of a real server.
    pub fn postgres() -> Self {
        let database = upto_tests::postgres::Database::fresh().expect("a database on a test server");
        Database { url: database.url().to_owned(), only: None, _guard: Box::new(database) }
    }

    /// One more instance on it.
    pub async fn open(&self) -> Arc<dyn Store> {
        match &self.only {
            Some(only) => Arc::clone(only),
            None => open(&self.url).await.expect("the database opens"),
        }
    }
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
    };
}
use on_every_store;

/// A moment `seconds` after some day's noon.
fn at(seconds: i64) -> Time {
    Time::from_micros((1_900_000_800 + seconds) * 1_000_000)
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
    Change { context: context.to_owned(), target, key, event }
}

/// A batch that keeps its invariant: sorted, each key once.
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

/// Writes what one report says.
async fn report(store: &dyn Store, context: &str, target: Target, key: EventKey, event: Event) -> Vec<TimelineKey> {
    store.write(&batch([change(context, target, key, event)], at(0))).await.expect("a report is written")
}

/// Makes a timeline.
async fn new(store: &dyn Store, context: &str, name: Option<&str>) -> u32 {
    let new = NewTimeline {
        context: context.to_owned(),
        name: name.map(str::to_owned),
        labels: LabelText::default(),
        at: at(0),
    };
    store.new_timeline(&new).await.expect("a timeline is made").number
}

/// All events of a timeline.
async fn events(store: &dyn Store, timeline: &TimelineKey) -> Vec<(EventKey, Event)> {
    store.events(timeline, None, u32::MAX).await.expect("events are read")
}
