//! What housekeeping asks of SQLite.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::write::Writer;
use crate::clock;
use crate::store::{Keep, Result, TimelineKey};

/// The subqueries mean the context alone, so that each is done once.
const EXPIRED: &str = "SELECT t.number FROM timelines t \
    WHERE t.context_id = (SELECT id FROM contexts WHERE name = ?1) AND (t.received_at <= ?2 OR t.number <= ( \
      SELECT k.number FROM timelines k WHERE ?3 IS NOT NULL AND k.context_id = (SELECT id FROM contexts WHERE name = ?1) \
      ORDER BY k.number DESC LIMIT 1 OFFSET coalesce(?3, 0))) \
    ORDER BY t.number LIMIT ?4";

const CLAIM: &str = "INSERT INTO housekeeping AS h (one, holder, until) VALUES (1, ?1, ?2) ON CONFLICT (one) DO UPDATE \
    SET holder = excluded.holder, until = excluded.until WHERE h.holder = excluded.holder OR h.until <= ?3";

/// [`crate::store::Store::expired_timelines`].
pub(super) fn expired(
    connection: &Connection,
    context: &str,
    keep: Keep,
    limit: u32,
) -> rusqlite::Result<Vec<TimelineKey>> {
    let silent_since = keep.silent_s.map(|seconds| clock::now().micros() - i64::from(seconds) * 1_000_000);
    let mut statement = connection.prepare_cached(EXPIRED)?;
    let key = |row: &rusqlite::Row<'_>| Ok(TimelineKey { context: context.to_owned(), number: row.get(0)? });
    statement.query_map(params![context, silent_since, keep.newest, limit], key)?.collect()
}

/// Whether a context has any timeline.
pub(super) fn has_timelines(connection: &Connection, context: &str) -> rusqlite::Result<bool> {
    let find = "SELECT 1 FROM contexts c JOIN timelines t ON t.context_id = c.id WHERE c.name = ?1 LIMIT 1";
    connection.prepare_cached(find)?.exists([context])
}

impl Writer {
    /// [`crate::store::Store::set_abandon_after`].
    pub fn set_abandon_after(&mut self, context: &str, seconds: Option<u32>) -> Result<()> {
        let set = "UPDATE contexts SET abandon_after_s = ?2 WHERE name = ?1";
        self.transact(|session| session.transaction().execute(set, params![context, seconds]).map(drop))
    }

    /// [`crate::store::Store::claim_housekeeping`].
    pub fn claim_housekeeping(&mut self, holder: &str, lease: Duration) -> Result<bool> {
        let now = clock::now().micros();
        let parameters = params![holder, now + lease.as_micros() as i64, now];
        self.transact(|session| session.transaction().execute(CLAIM, parameters).map(|claimed| claimed > 0))
    }
}
