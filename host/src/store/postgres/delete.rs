//! Deletes timelines and contexts in Postgres, step by step.
//!
//! A step holds the row of what it deletes, and then waits for nobody: events that a writer has locked are left to the next
//! step. So it is in no circle with writers, who lock events first and the rows of timelines last. A writer that finds the row
//! gone is rolled back and begins anew (`write.rs`), so that no event stays behind without its timeline.

use deadpool_postgres::Pool;
use tokio_postgres::types::Type;

use super::Result;
use super::connect::Transaction;
use super::types::Parameter;
use crate::store::{Deleted, TimelineKey};

const LOCK_TIMELINE: &str = "SELECT t.context_id FROM upto.timelines t JOIN upto.contexts c ON c.id = t.context_id \
    WHERE c.name = $1 AND t.number = $2 FOR UPDATE OF t";

/// By itself and before anything is deleted, so that it holds nothing that others wait for, and is not lost where the rest is.
const MARK: &str = "UPDATE upto.contexts SET deleted_at = now() WHERE name = $1 AND deleted_at IS NULL";

/// A `ctid` is a place within one table, and operators may spread the events over partitions. All events of a context are in
/// one.
const DELETE_EVENTS: &str = "WITH free AS MATERIALIZED ( \
      SELECT e.tableoid, e.ctid FROM upto.events e \
      WHERE e.context_id = $1 AND e.timeline = $2 LIMIT $3 FOR UPDATE SKIP LOCKED) \
    DELETE FROM upto.events WHERE ctid = ANY (ARRAY(SELECT ctid FROM free)) \
      AND tableoid = (SELECT tableoid FROM free LIMIT 1)";

/// What others committed before the row was locked is seen, as each statement looks anew.
const DELETE_EMPTY_TIMELINE: &str = "DELETE FROM upto.timelines WHERE context_id = $1 AND number = $2 \
    AND NOT EXISTS (SELECT FROM upto.events WHERE context_id = $1 AND timeline = $2)";

const OLDEST: &str = "SELECT t.number FROM upto.timelines t JOIN upto.contexts c ON c.id = t.context_id \
    WHERE c.name = $1 ORDER BY t.number LIMIT 1";

/// Whoever makes a timeline or a text holds this row.
const LOCK_CONTEXT: &str = "SELECT id FROM upto.contexts WHERE name = $1 FOR UPDATE";

/// Its texts go in the same moment: instances remember their ids while the row exists.
const DELETE_EMPTY_CONTEXT: &str = "DELETE FROM upto.contexts WHERE id = $1 \
    AND NOT EXISTS (SELECT FROM upto.timelines WHERE context_id = $1)";

/// [`crate::store::Store::delete_timeline`].
pub(super) async fn timeline(pool: &Pool, timeline: &TimelineKey, limit: u32) -> Result<Deleted> {
    let number = timeline.number as i32;
    pool.get().await?.execute_typed(MARK, &[(&timeline.context, Type::TEXT)]).await?;
    let transaction = Transaction::begin(pool).await?;
    let client = transaction.client();
    let locked =
        client.query_typed_opt(LOCK_TIMELINE, &[(&timeline.context, Type::TEXT), (&number, Type::INT4)]).await?;
    let Some(row) = locked else {
        transaction.roll_back().await?;
        return Ok(Deleted { events: 0, gone: true });
    };
    let (context, limit): (i32, i64) = (row.get(0), limit.into());
    let key: [Parameter<'_>; 3] = [(&context, Type::INT4), (&number, Type::INT4), (&limit, Type::INT8)];
    let events = client.execute_typed(DELETE_EVENTS, &key).await?;
    let gone = client.execute_typed(DELETE_EMPTY_TIMELINE, &key[..2]).await? > 0;
    transaction.commit().await?;
    Ok(Deleted { events, gone })
}

/// [`crate::store::Store::delete_context`].
pub(super) async fn context(pool: &Pool, name: &str, limit: u32) -> Result<bool> {
    match oldest(pool, name).await? {
        Some(oldest) => timeline(pool, &oldest, limit).await.map(|_| false),
        None => without_timelines(pool, name).await,
    }
}

/// [`crate::store::Store::delete_empty_context`].
pub(super) async fn empty_context(pool: &Pool, name: &str) -> Result<bool> {
    // Most have some, and then nobody is locked out.
    match oldest(pool, name).await? {
        Some(_) => Ok(false),
        None => without_timelines(pool, name).await,
    }
}

/// The oldest timeline of a context.
async fn oldest(pool: &Pool, name: &str) -> Result<Option<TimelineKey>> {
    let row = pool.get().await?.query_typed_opt(OLDEST, &[(&name, Type::TEXT)]).await?;
    Ok(row.map(|row| TimelineKey { context: name.to_owned(), number: row.get::<_, i32>(0) as u32 }))
}

/// Deletes a context, unless it has got a timeline by now. Whether it is gone.
async fn without_timelines(pool: &Pool, name: &str) -> Result<bool> {
    let transaction = Transaction::begin(pool).await?;
    let client = transaction.client();
    let Some(row) = client.query_typed_opt(LOCK_CONTEXT, &[(&name, Type::TEXT)]).await? else {
        transaction.roll_back().await?;
        return Ok(true);
    };
    let gone = client.execute_typed(DELETE_EMPTY_CONTEXT, &[(&row.get::<_, i32>(0), Type::INT4)]).await? > 0;
    transaction.commit().await?;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use upto_tests::postgres::Database;
    use upto_wire::{Kind, Report, Time};

    use crate::event::{Event, EventKey};
    use crate::store::{Batch, Change, Deleted, Target, TimelineKey, open};

    /// Four partitions, by context.
    const SPREAD: &str = "ALTER TABLE upto.events RENAME TO events_before; \
        ALTER INDEX upto.events_pkey RENAME TO events_before_pkey; \
        CREATE TABLE upto.events (LIKE upto.events_before INCLUDING DEFAULTS, \
          PRIMARY KEY (context_id, timeline, name_id, host_id)) PARTITION BY HASH (context_id); \
        CREATE TABLE upto.events_0 PARTITION OF upto.events FOR VALUES WITH (MODULUS 4, REMAINDER 0); \
        CREATE TABLE upto.events_1 PARTITION OF upto.events FOR VALUES WITH (MODULUS 4, REMAINDER 1); \
        CREATE TABLE upto.events_2 PARTITION OF upto.events FOR VALUES WITH (MODULUS 4, REMAINDER 2); \
        CREATE TABLE upto.events_3 PARTITION OF upto.events FOR VALUES WITH (MODULUS 4, REMAINDER 3)";

    /// Rows of different partitions are at the same place of their tables.
    #[tokio::test]
    async fn only_its_own_events_go_where_operators_spread_them_over_partitions() {
        let database = Database::fresh().expect("a database");
        let store = open(database.url()).await.expect("a store");
        database.execute(SPREAD).expect("it can be partitioned");
        let at = Time::from_micros(1);
        let change = |context: usize| Change {
            context: format!("context {context}").into(),
            target: Target::Active,
            key: EventKey { name: "step".to_owned(), host: String::new() },
            event: Event::of_report(&Report::new(Kind::Start, "c", "step"), at),
        };
        let batch = Batch { changes: (0..8).map(change).collect(), received_at: at };
        store.write(&batch).await.expect("written");
        let one = |context: usize| TimelineKey { context: format!("context {context}"), number: 1 };
        let step = store.delete_timeline(&one(3), 10).await.expect("a step");
        assert_eq!(step, Deleted { events: 1, gone: true });
        for context in (0..8).filter(|context| *context != 3) {
            assert_eq!(store.events(&one(context), None, 9).await.expect("read").len(), 1, "context {context}");
        }
    }
}
