//! Where events live. [`Store`] says what a store promises; each implementation is one folder that alone knows its
//! driver, and [`open`] picks it by the URL.

#[cfg(test)]
mod conformance;
mod dictionary;
pub mod functions;
mod plan;
mod postgres;
mod redis;
mod rule;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use upto_wire::Time;

use crate::event::{Event, EventKey, EventState, LabelText, Liveness};
use functions::FunctionStore;

/// The newest timeline and at most this many in all are looked at for the one in which an end's event runs.
pub const LOOK_BACK: u32 = 16;

/// Why a store did not do what it was asked, by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store can't be reached or is busy; the same call may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// The store refuses these data; the same call will fail again. A batch is split to find the item.
    #[error("{0}")]
    Rejected(String),
    /// The store can't be used as it is: no permission, a newer schema, a damaged file. Somebody must act.
    #[error("{0}")]
    Fatal(String),
}

/// Result of a store call.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Opens the store that a URL names, making or upgrading its schema: `sqlite:PATH` (the file is made if need be),
/// `sqlite::memory:`, `postgres://…` or `postgresql://…`, `redis://…` or, with TLS, `rediss://…`.
///
/// # Errors
/// [`StoreError::Fatal`] where trying again is of no use, [`StoreError::Unavailable`] where the server may come back.
/// No message holds a password.
pub async fn open(url: &str) -> Result<Arc<dyn Store>> {
    match url.split_once(':') {
        Some(("sqlite", path)) => Ok(Arc::new(sqlite::Sqlite::open(path).await?)),
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(postgres::Postgres::open(url).await?)),
        Some(("redis" | "rediss", _)) => Ok(Arc::new(redis::Redis::open(url).await?)),
        // The rest of an unknown URL is not shown: it may hold a password.
        scheme => Err(StoreError::Fatal(format!(
            "the store URL {} is none that upto knows: use sqlite:PATH, sqlite::memory:, \
             postgres://USER@HOST/DATABASE, or redis://HOST",
            scheme.map_or_else(|| "without a scheme".to_owned(), |(scheme, _)| format!("with the scheme {scheme:?}"))
        ))),
    }
}

/// A store's URL without its password, for messages.
pub fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let rest = match user.and_then(|user| user.split_once(':').map(|(name, _)| (user, name))) {
        Some((user, name)) => format!("{name}:***{}", &rest[user.len()..]),
        None => rest.to_owned(),
    };
    // Parameters may hold one too.
    let rest = rest.split('?').next().unwrap_or_default();
    format!("{scheme}://{rest}")
}

/// One run in a context: the timeline `number` of `context`, from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimelineKey {
    /// The context's name.
    pub context: String,
    /// 1, 2, 3 … per context.
    pub number: u32,
}

/// Which timeline a report means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The newest of its context. An end that has no start beside it goes to the newest timeline, looking back over
    /// [`LOOK_BACK`], in which its event runs or has this very end already; else to the active one.
    Active,
    /// The one of that name, made if it does not exist.
    Named(String),
}

/// What a batch says about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The context's name.
    pub context: Arc<str>,
    /// The timeline meant.
    pub target: Target,
    /// Which event.
    pub key: EventKey,
    /// Its reports, merged.
    pub event: Event,
}

/// Changes that are written together or not at all.
///
/// Invariant: sorted by context and target. Each event comes once, but that an end without a start may be followed by a
/// change that begins with a start: the end came first, and may belong to an older timeline.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The changes.
    pub changes: Vec<Change>,
    /// When the newest of its reports was received.
    pub received_at: Time,
}

/// A timeline to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTimeline {
    /// The context, made if it does not exist.
    pub context: String,
    /// Its name. If the context has a timeline of that name, that one is meant and nothing changes.
    pub name: Option<String>,
    /// Its labels.
    pub labels: LabelText,
    /// When it was begun, as the report says.
    pub at: Time,
    /// When the report was received.
    pub received_at: Time,
}

/// A context as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextRow {
    /// Its name.
    pub name: String,
    /// When its first report was received.
    pub created_at: Time,
    /// The number of its newest timeline, which is how many were made; 0 only while the first is being made.
    pub latest: u32,
    /// Seconds of silence after which its timelines are given up; `None` for [`crate::event::ABANDON_AFTER_S`].
    pub abandon_after_s: Option<u32>,
}

/// A timeline as read, with what its events add up to.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// Which.
    pub key: TimelineKey,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its labels.
    pub labels: LabelText,
    /// When it was begun.
    pub created_at: Time,
    /// When the store last took something for it.
    pub received_at: Time,
    /// Grows with every batch that touches the timeline; equal revisions have equal events.
    pub revision: u64,
    /// Whether the context has a newer timeline.
    pub superseded: bool,
    /// The earliest moment of its events.
    pub first: Option<Time>,
    /// The latest moment of its events.
    pub last: Option<Time>,
    /// How many events it has.
    pub events: u64,
    /// How many of them have a start and no end.
    pub running: u64,
    /// How many of them failed.
    pub failed: u64,
    /// What its context says, as [`ContextRow::abandon_after_s`].
    pub abandon_after_s: Option<u32>,
}

impl TimelineRow {
    /// Whether more is expected of it.
    pub fn liveness(&self, now: Time) -> Liveness {
        Liveness::of(self.superseded, self.abandon_after_s, self.received_at, now)
    }

    /// The state of the whole run: while anything runs, running or unfinished; else failed if anything failed, ended if
    /// there is any event, and waiting for its first one.
    pub fn state(&self, now: Time) -> EventState {
        match (self.running, self.failed, self.events) {
            (1.., _, _) => match self.liveness(now) {
                Liveness::Alive => EventState::Running,
                Liveness::GivenUp => EventState::Unfinished,
            },
            (0, 1.., _) => EventState::Failed,
            (0, 0, 1..) => EventState::Ended,
            (0, 0, 0) => EventState::Waiting,
        }
    }
}

/// What a step of a deletion has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// How many events it deleted.
    pub events: u64,
    /// Whether all of it is gone, or never was.
    pub gone: bool,
}

/// Which timelines of a context are kept; where both are said, those that meet both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Those that have received something within so many seconds.
    pub silent_s: Option<u32>,
    /// So many of the newest.
    pub newest: Option<u32>,
}

/// Whether what a store has acknowledged outlives a crash of what it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It does.
    Strong,
    /// It may be lost, and why.
    Weak(String),
    /// The store does not tell, and why.
    Unknown(String),
}

/// A context whose names and hosts are to be looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleTexts {
    /// The context's name.
    pub context: String,
    /// Its generation.
    pub generation: i32,
    /// Whether that has risen for this purpose, and long enough ago.
    pub settled: bool,
}

/// How a timeline is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimelineRef {
    /// By its number.
    Number(u32),
    /// The newest of its context.
    Latest,
    /// By its name.
    Name(String),
}

/// A place where events and functions live, shared by any number of instances. All methods may be called at the same time.
///
/// Pages are in key order and hold at most `limit` rows; a shorter page is the last one.
#[async_trait]
pub trait Store: FunctionStore {
    /// Merges a batch into the store, all of it or nothing, and returns once it is durable. Missing contexts and
    /// timelines are made; the named ones first, so the newest of them is then the active one. Doing it again changes
    /// nothing but revisions. Returns the timelines it touched, sorted, each once.
    ///
    /// All or nothing is said of the events: contexts, timelines and the dictionary may stay behind after a failure, where
    /// they are found again by the next try.
    async fn write(&self, batch: &Batch) -> Result<Vec<TimelineKey>>;

    /// Makes a timeline, or finds the one of that name.
    async fn new_timeline(&self, new: &NewTimeline) -> Result<TimelineKey>;

    /// Deletes at most `limit` (1 or more) events of a timeline, and its row with the last of them: a step of its deletion,
    /// in which writers wait for nothing longer. Its number is not given to another:
    /// where it was the newest, the next report for the active timeline makes it anew under it.
    ///
    /// What is written to the timeline between the steps goes with it; what is written after it is gone stays.
    async fn delete_timeline(&self, timeline: &TimelineKey, limit: u32) -> Result<Deleted>;

    /// A step of the deletion of a context: one of [`Store::delete_timeline`] on its oldest timeline or, where it has none, its
    /// own row with the names in it. Returns whether it is gone, or never was. Reports that come later make it anew.
    async fn delete_context(&self, name: &str, limit: u32) -> Result<bool>;

    /// Deletes the row of a context that has no timeline, with the names in it. Returns whether it is gone, or never was: one
    /// that has got a timeline by then stays as it is. Cheap where it has timelines.
    async fn delete_empty_context(&self, name: &str) -> Result<bool>;

    /// The oldest timelines of a context that are not to be kept, by the store's clock: oldest first, at most `limit`.
    async fn expired_timelines(&self, context: &str, keep: Keep, limit: u32) -> Result<Vec<TimelineKey>>;

    /// Sets [`ContextRow::abandon_after_s`], at most 2³¹ − 1, of a context that may be gone by now.
    async fn set_abandon_after(&self, context: &str, seconds: Option<u32>) -> Result<()>;

    /// A context that may have names and hosts that no event uses, as timelines of it were deleted: the one that has waited for
    /// longest. Once its generation has risen, it comes back when that has settled. `settle` is longer than any write takes, and
    /// than instances of the version before, which know nothing of it, run beside. The default is that of stores that keep no
    /// names apart.
    async fn stale_texts(&self, _settle: Duration) -> Result<Option<StaleTexts>> {
        Ok(None)
    }

    /// Raises the generation of such a context or, where that has settled, deletes the names and hosts that no event uses; how
    /// many. Writers wait for nothing, and whatever they use meanwhile stays.
    async fn collect_texts(&self, _stale: &StaleTexts) -> Result<u64> {
        Ok(0)
    }

    /// Has the housekeeping left to `holder` for a while, by the store's clock, unless another one has it; tells whether `holder`
    /// has it. Who has it renews it so, or gives it back by a lease of nothing.
    async fn claim_housekeeping(&self, holder: &str, lease: Duration) -> Result<bool>;

    /// Contexts in byte order of their names, those after `after`.
    async fn contexts(&self, after: Option<&str>, limit: u32) -> Result<Vec<ContextRow>>;

    /// One context.
    async fn context(&self, name: &str) -> Result<Option<ContextRow>>;

    /// Timelines of a context, newest first, those with numbers under `before`.
    async fn timelines(&self, context: &str, before: Option<u32>, limit: u32) -> Result<Vec<TimelineRow>>;

    /// One timeline.
    async fn timeline(&self, context: &str, which: &TimelineRef) -> Result<Option<TimelineRow>>;

    /// Events of a timeline in key order, those after `after`.
    async fn events(
        &self,
        timeline: &TimelineKey,
        after: Option<&EventKey>,
        limit: u32,
    ) -> Result<Vec<(EventKey, Event)>>;

    /// One event of a timeline.
    async fn event(&self, timeline: &TimelineKey, key: &EventKey) -> Result<Option<Event>>;

    /// The timeline's revision alone, cheap enough to ask for every second; `None` if there is no such timeline.
    async fn revision(&self, timeline: &TimelineKey) -> Result<Option<u64>>;

    /// Whether the store answers, for readiness.
    async fn ping(&self) -> Result<()>;

    /// Whether the store keeps what it has acknowledged, as it is set up now. The default is that of stores that always do.
    async fn durability(&self) -> Result<Durability> {
        Ok(Durability::Strong)
    }
}
