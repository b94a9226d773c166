//! Deletes timelines and contexts in SQLite, step by step: each step is a transaction, so that writers come in between.

use rusqlite::{OptionalExtension, Transaction, params};

use super::write::Writer;
use crate::clock;
use crate::store::{Deleted, Result, TimelineKey};

const DELETE_EVENTS: &str = "DELETE FROM events WHERE context_id = ?1 AND timeline = ?2 AND (name_id, host_id) IN ( \
    SELECT name_id, host_id FROM events WHERE context_id = ?1 AND timeline = ?2 LIMIT ?3)";

const MARK: &str = "UPDATE contexts SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL";

impl Writer {
    /// [`crate::store::Store::delete_timeline`].
    pub fn delete_timeline(&mut self, timeline: &TimelineKey, limit: u32) -> Result<Deleted> {
        self.transact(|session| {
            let transaction = session.transaction();
            match context_id(transaction, &timeline.context)? {
                Some(context) => delete(transaction, context, timeline.number, limit),
                None => Ok(Deleted { events: 0, gone: true }),
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
                None => delete_empty_context(transaction, context),
            }
        })
    }

    /// [`crate::store::Store::delete_empty_context`].
    pub fn delete_empty_context(&mut self, name: &str) -> Result<bool> {
        self.transact(|session| {
            let transaction = session.transaction();
            context_id(transaction, name)?.map_or(Ok(true), |context| delete_empty_context(transaction, context))
        })
    }
}

fn context_id(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<Option<i32>> {
    transaction.query_row("SELECT id FROM contexts WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// Its texts go in the same moment: instances remember their ids while the row exists.
fn delete_empty_context(transaction: &Transaction<'_>, context: i32) -> rusqlite::Result<bool> {
    let delete = "DELETE FROM contexts WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM timelines WHERE context_id = ?1)";
    Ok(transaction.execute(delete, [context])? > 0)
}

/// Deletes some events of a timeline, and its row when none is left.
fn delete(transaction: &Transaction<'_>, context: i32, number: u32, limit: u32) -> rusqlite::Result<Deleted> {
    transaction.execute(MARK, params![context, clock::now().micros()])?;
    let events = transaction.execute(DELETE_EVENTS, params![context, number, limit])?;
    let gone = events < limit as usize;
    if gone {
        transaction.execute("DELETE FROM timelines WHERE context_id = ?1 AND number = ?2", params![context, number])?;
    }
    Ok(Deleted { events: events as u64, gone })
}
