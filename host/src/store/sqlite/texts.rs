//! Deletes texts that no event uses any more: as in Postgres (`postgres/texts.rs`), so that to look for them keeps no writer
//! waiting.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::write::Writer;
use crate::clock;
use crate::store::Result;

const RISE: &str = "UPDATE contexts SET generation = generation + 1, generation_at = ?1, deleted_at = NULL \
    WHERE deleted_at IS NOT NULL AND generation_at IS NULL";

const DUE: &str = "SELECT name FROM contexts WHERE generation_at <= ?1 LIMIT 1";

const UNUSED: &str = "SELECT t.id FROM texts t JOIN contexts c ON c.id = t.context_id \
    WHERE c.name = ?1 AND t.generation < c.generation \
      AND t.id NOT IN (SELECT name_id FROM events WHERE context_id = c.id) \
      AND t.id NOT IN (SELECT host_id FROM events WHERE context_id = c.id)";

/// One that was learnt meanwhile is of the new generation.
const DELETE: &str = "DELETE FROM texts WHERE id = ?2 \
    AND generation < (SELECT generation FROM contexts WHERE name = ?1)";

/// Texts that are deleted at a time.
pub(super) const AT_ONCE: usize = 1_000;

/// The ids of texts that no event uses and that are of an older generation.
pub(super) fn unused(connection: &Connection, context: &str) -> rusqlite::Result<Vec<i32>> {
    connection.prepare_cached(UNUSED)?.query_map([context], |row| row.get(0))?.collect()
}

impl Writer {
    /// [`crate::store::Store::unused_texts`].
    pub fn unused_texts(&mut self, settle: Duration) -> Result<Option<String>> {
        let now = clock::now().micros();
        self.transact(|session| {
            session.transaction().execute(RISE, [now])?;
            let settled = now - settle.as_micros() as i64;
            session.transaction().query_row(DUE, [settled], |row| row.get(0)).optional()
        })
    }

    /// Deletes texts that no event used; how many.
    pub fn delete_texts(&mut self, context: &str, unused: &[i32]) -> Result<u64> {
        self.transact(|session| {
            let mut delete = session.transaction().prepare_cached(DELETE)?;
            unused.iter().try_fold(0, |sum, id| Ok(sum + delete.execute(params![context, id])? as u64))
        })
    }

    /// Ends the looking through a context's texts.
    pub fn end_collecting(&mut self, context: &str) -> Result<()> {
        let done = "UPDATE contexts SET generation_at = NULL WHERE name = ?1";
        self.transact(|session| session.transaction().execute(done, [context]).map(drop))
    }
}
