//! Deletes timelines and contexts in SQLite, step by step: each step is a transaction, so that writers come in between.

use rusqlite::{OptionalExtension, Transaction, params};

use super::write::Writer;
use crate::store::{Result, TimelineKey};

const DELETE_EVENTS: &str = "DELETE FROM events WHERE context_id = ?1 AND timeline = ?2 AND (name_id, host_id) IN ( \
    SELECT name_id, host_id FROM events WHERE context_id = ?1 AND timeline = ?2 LIMIT ?3)";

impl Writer {
    /// [`crate::store::Store::delete_timeline`].
    pub fn delete_timeline(&mut self, timeline: &TimelineKey, limit: u32) -> Result<bool> {
        self.transact(|session| {
            let transaction = session.transaction();
            match context_id(transaction, &timeline.context)? {
                Some(context) => delete(transaction, context, timeline.number, limit),
                None => Ok(true),
            }
        })
    }

    /// [`crate::store::Store::delete_context`].
    pub fn delete_context(&mut self, name: &str, limit: u32) -> Result<bool> {
        self.transact(|session| {
            let transaction = session.transaction();
            let Some(context) = context_id(transaction, name)? else { return Ok(true) };
            let oldest = "SELECT number FROM timelines WHERE context_id = ?1 ORDER BY number LIMIT 1";
            match transaction.query_row(oldest, [context], |row| row.get(0)).optional()? {
                Some(oldest) => delete(transaction, context, oldest, limit).map(|_| false),
                // Its texts go in the same moment: instances remember their ids while the row exists.
                None => transaction.execute("DELETE FROM contexts WHERE id = ?1", [context]).map(|_| true),
            }
        })
    }
}

fn context_id(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<Option<i32>> {
    transaction.query_row("SELECT id FROM contexts WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// Deletes some events of a timeline, and its row when none is left. Whether it is gone.
fn delete(transaction: &Transaction<'_>, context: i32, number: u32, limit: u32) -> rusqlite::Result<bool> {
    let deleted = transaction.execute(DELETE_EVENTS, params![context, number, limit])?;
    if deleted >= limit as usize {
        return Ok(false);
    }
    transaction.execute("DELETE FROM timelines WHERE context_id = ?1 AND number = ?2", params![context, number])?;
    Ok(true)
}
