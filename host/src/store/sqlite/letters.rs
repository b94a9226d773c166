//! Dead letters in SQLite.

use std::collections::BTreeSet;

use rusqlite::{Connection, Result, Row, params};
use upto_wire::Time;

use super::read::{count as unsigned, time};
use crate::store::functions::{DEAD_LETTERS, DeadLetter};

/// Those of the function `?1` beyond the newest `?2`: a scan of that many entries of the index.
const TRIM: &str = "DELETE FROM dead_letters WHERE function = ?1 AND id <= ( \
    SELECT id FROM dead_letters WHERE function = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";

pub(super) fn add(connection: &Connection, letters: &[DeadLetter]) -> Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO dead_letters (function, id, version, cause, reason, at, report) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT DO NOTHING",
    )?;
    for letter in letters {
        let DeadLetter { id, function, version, cause, reason, report, at } = letter;
        add.execute(params![function, id, version, cause, reason, at.micros(), report])?;
    }
    let mut trim = connection.prepare_cached(TRIM)?;
    for function in letters.iter().map(|letter| &letter.function).collect::<BTreeSet<_>>() {
        trim.execute(params![function, DEAD_LETTERS])?;
    }
    Ok(())
}

pub(super) fn read(connection: &Connection, function: &str, after: &str, limit: u32) -> Result<Vec<DeadLetter>> {
    let sql = "SELECT id, function, version, cause, reason, report, at FROM dead_letters \
        WHERE function = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    connection.prepare_cached(sql)?.query_map(params![function, after, limit], letter)?.collect()
}

fn letter(row: &Row<'_>) -> Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        function: row.get(1)?,
        version: row.get(2)?,
        cause: row.get(3)?,
        reason: row.get(4)?,
        report: row.get(5)?,
        at: time(row, 6)?,
    })
}

pub(super) fn count(connection: &Connection) -> Result<Vec<(String, u64)>> {
    let sql = "SELECT function, count(*) FROM dead_letters GROUP BY function ORDER BY function";
    connection.prepare_cached(sql)?.query_map([], |row| Ok((row.get(0)?, unsigned(row, 1)?)))?.collect()
}

pub(super) fn delete(connection: &Connection, function: &str, ids: Option<&[String]>) -> Result<u64> {
    let Some(ids) = ids else {
        let all = connection.prepare_cached("DELETE FROM dead_letters WHERE function = ?1")?.execute([function])?;
        return Ok(all as u64);
    };
    let mut delete = connection.prepare_cached("DELETE FROM dead_letters WHERE function = ?1 AND id = ?2")?;
    ids.iter().try_fold(0, |deleted, id| Ok(deleted + delete.execute([function, id])? as u64))
}

pub(super) fn expire(connection: &Connection, before: Time) -> Result<u64> {
    let expired = connection.prepare_cached("DELETE FROM dead_letters WHERE at < ?1")?.execute([before.micros()])?;
    Ok(expired as u64)
}
