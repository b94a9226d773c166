//! Postgres: the store that any number of instances share.
//!
//! Everything works through a pooler in transaction mode: statements are unnamed, and no session outlives its
//! transaction. Only hearing of changes at once needs a session (`listen.rs`); behind a pooler they are seen by polling.
//! `schema.sql` at the root of the repository has the tables.

mod connect;
mod delete;
mod functions;
mod housekeeping;
mod learn;
mod letters;
mod listen;
mod read;
mod rows;
mod texts;
mod tls;
mod types;
mod write;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Pool;

use super::dictionary::Dictionary;
use super::{
    Batch, ContextRow, Deleted, Keep, NewTimeline, Result, StaleTexts, Store, StoreError, TimelineKey, TimelineRef,
    TimelineRow,
};
use crate::event::{Event, EventKey};

/// How long a call may take. Longer than the server's own limits on statements, which tell more.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The same where all events of a context are looked through.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(170);
/// How long a ping may take: who asks for readiness wants no answer that is older.
const PING_TIMEOUT: Duration = Duration::from_secs(4);

/// A store on a Postgres server.
pub(super) struct Postgres {
    pool: Pool,
    dictionary: Mutex<Dictionary>,
    trust: rows::Trust,
    changes: listen::Changes,
}

impl Postgres {
    /// Connects to the server of a URL and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self> {
        let (server, size) = connect::parse(url)?;
        let changes = listen::Changes::new(server.clone());
        let store = Postgres {
            pool: connect::pool(server, size)?,
            dictionary: Mutex::default(),
            trust: rows::Trust::default(),
            changes,
        };
        within(CALL_TIMEOUT, connect::prepare_schema(&store.pool)).await?;
        Ok(store)
    }

    fn dictionary(&self) -> MutexGuard<'_, Dictionary> {
        // Each step of learning leaves it whole.
        self.dictionary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives up on a server that does not answer. The connection that was in use is closed.
async fn within<T>(limit: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| StoreError::Unavailable(format!("Postgres did not answer within {} s", limit.as_secs()));
    tokio::time::timeout(limit, call).await.map_err(late)?
}

#[async_trait]
impl Store for Postgres {
    async fn write(&self, batch: &Batch) -> Result<Vec<TimelineKey>> {
        within(CALL_TIMEOUT, self.write_batch(batch)).await
    }

    async fn new_timeline(&self, new: &NewTimeline) -> Result<TimelineKey> {
        within(CALL_TIMEOUT, self.make_or_find(new)).await
    }

    async fn delete_timeline(&self, timeline: &TimelineKey, limit: u32) -> Result<Deleted> {
        within(CALL_TIMEOUT, delete::timeline(&self.pool, timeline, limit)).await
    }

    async fn delete_context(&self, name: &str, limit: u32) -> Result<bool> {
        within(CALL_TIMEOUT, delete::context(&self.pool, name, limit)).await
    }

    async fn delete_empty_context(&self, name: &str) -> Result<bool> {
        within(CALL_TIMEOUT, delete::empty_context(&self.pool, name)).await
    }

    async fn expired_timelines(&self, context: &str, keep: Keep, limit: u32) -> Result<Vec<TimelineKey>> {
        within(CALL_TIMEOUT, housekeeping::expired(&self.pool, context, keep, limit)).await
    }

    async fn set_abandon_after(&self, context: &str, seconds: Option<u32>) -> Result<()> {
        within(CALL_TIMEOUT, housekeeping::set_abandon_after(&self.pool, context, seconds)).await
    }

    async fn stale_texts(&self, settle: Duration) -> Result<Option<StaleTexts>> {
        within(CALL_TIMEOUT, texts::stale(&self.pool, settle)).await
    }

    async fn collect_texts(&self, stale: &StaleTexts) -> Result<u64> {
        within(COLLECT_TIMEOUT, texts::collect(&self.pool, stale)).await
    }

    async fn claim_housekeeping(&self, holder: &str, lease: Duration) -> Result<bool> {
        within(CALL_TIMEOUT, housekeeping::claim(&self.pool, holder, lease)).await
    }

    async fn contexts(&self, after: Option<&str>, limit: u32) -> Result<Vec<ContextRow>> {
        within(CALL_TIMEOUT, read::contexts(&self.pool, after.unwrap_or_default(), limit)).await
    }

    async fn context(&self, name: &str) -> Result<Option<ContextRow>> {
        within(CALL_TIMEOUT, read::context(&self.pool, name)).await
    }

    async fn timelines(&self, context: &str, before: Option<u32>, limit: u32) -> Result<Vec<TimelineRow>> {
        within(CALL_TIMEOUT, read::timelines(&self.pool, context, before, limit)).await
    }

    async fn timeline(&self, context: &str, which: &TimelineRef) -> Result<Option<TimelineRow>> {
        within(CALL_TIMEOUT, read::timeline(&self.pool, context, which)).await
    }

    async fn events(
        &self,
        timeline: &TimelineKey,
        after: Option<&EventKey>,
        limit: u32,
    ) -> Result<Vec<(EventKey, Event)>> {
        within(CALL_TIMEOUT, read::events(&self.pool, timeline, after, limit)).await
    }

    async fn event(&self, timeline: &TimelineKey, key: &EventKey) -> Result<Option<Event>> {
        within(CALL_TIMEOUT, read::event(&self.pool, timeline, key)).await
    }

    async fn revision(&self, timeline: &TimelineKey) -> Result<Option<u64>> {
        within(CALL_TIMEOUT, read::revision(&self.pool, timeline)).await
    }

    async fn ping(&self) -> Result<()> {
        within(PING_TIMEOUT, read::ping(&self.pool)).await
    }
}
