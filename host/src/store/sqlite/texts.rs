//! Deletes texts that no event uses any more: as in Postgres (`postgres/texts.rs`), so that to look for them keeps no writer
//! waiting.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::write::Writer;
use crate::clock;
use crate::store::{Result, StaleTexts};

const STALE: &str = "SELECT name, generation, generation_at IS NOT NULL FROM contexts \
    WHERE generation_at <= ?1 OR generation_at IS NULL AND deleted_at IS NOT NULL \
    ORDER BY generation_at LIMIT 1";

const RISE: &str = "UPDATE contexts SET generation = generation + 1, generation_at = ?3, deleted_at = NULL \
    WHERE name = ?1 AND generation = ?2 AND generation_at IS NULL";

const UNUSED: &str = "SELECT t.id FROM texts t JOIN contexts c ON c.id = t.context_id \
    WHERE c.name = ?1 AND t.generation < ?2 \
      AND t.id NOT IN (SELECT name_id FROM events WHERE context_id = c.id) \
      AND t.id NOT IN (SELECT host_id FROM events WHERE context_id = c.id)";

/// One that was learnt meanwhile is of the new generation.
const DELETE: &str = "DELETE FROM texts WHERE id = ?1 AND generation < ?2";

/// Texts that are deleted at a time.
pub(super) const AT_ONCE: usize = 1_000;

/// [`crate::store::Store::stale_texts`].
pub(super) fn stale(connection: &Connection, settle: Duration) -> rusqlite::Result<Option<StaleTexts>> {
    let settled = clock::now().micros() - settle.as_micros() as i64;
    let stale = |row: &Row<'_>| Ok(StaleTexts { context: row.get(0)?, generation: row.get(1)?, settled: row.get(2)? });
    connection.prepare_cached(STALE)?.query_row([settled], stale).optional()
}

/// The ids of texts of an older generation that no event uses.
pub(super) fn unused(connection: &Connection, stale: &StaleTexts) -> rusqlite::Result<Vec<i32>> {
    let mut find = connection.prepare_cached(UNUSED)?;
    find.query_map(params![stale.context, stale.generation], |row| row.get(0))?.collect()
}

impl Writer {
    /// Raises the generation of a context.
    pub fn raise_generation(&mut self, stale: &StaleTexts) -> Result<()> {
        let now = clock::now().micros();
        let parameters = params![stale.context, stale.generation, now];
        self.transact(|session| session.transaction().execute(RISE, parameters).map(drop))
    }

    /// Deletes texts that no event used; how many.
    pub fn delete_texts(&mut self, stale: &StaleTexts, unused: &[i32]) -> Result<u64> {
        self.transact(|session| {
            let mut delete = session.transaction().prepare_cached(DELETE)?;
            unused.iter().try_fold(0, |sum, id| Ok(sum + delete.execute(params![id, stale.generation])? as u64))
        })
    }

    /// Ends the looking through a context's texts.
    pub fn end_collecting(&mut self, stale: &StaleTexts) -> Result<()> {
        let done = "UPDATE contexts SET generation_at = NULL WHERE name = ?1 AND generation = ?2";
        let parameters = params![stale.context, stale.generation];
        self.transact(|session| session.transaction().execute(done, parameters).map(drop))
    }
}
