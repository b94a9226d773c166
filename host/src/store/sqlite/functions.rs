//! Functions in SQLite.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use upto_wire::Time;

use super::read::{count, time};
use super::{Result, Sqlite, letters};
use crate::store::functions::{
    Activation, Added, Content, DeadLetter, FunctionRow, FunctionStore, NewVersion, TableRow, VersionRow,
};

const FIND_FUNCTION: &str =
    "SELECT name, versions, active, canary, rolled_back FROM functions WHERE name = ?1 AND NOT deleted";

/// Columns of a [`VersionRow`].
macro_rules! version_columns {
    () => {
        "function, number, language, sha256, length(code), json_array_length(cases), settings, author, created_at"
    };
}

#[async_trait]
impl FunctionStore for Sqlite {
    async fn registry_revision(&self) -> Result<u64> {
        let sql = "SELECT revision FROM registry";
        let read =
            |connection: &Connection| connection.prepare_cached(sql)?.query_row([], |row| count(row, 0)).optional();
        Ok(self.read_with(read).await?.unwrap_or_default())
    }

    async fn registry_changed(&self) {
        self.0.changed.notified().await;
    }

    async fn functions(&self) -> Result<Vec<FunctionRow>> {
        let sql = "SELECT name, versions, active, canary, rolled_back FROM functions WHERE NOT deleted ORDER BY name";
        self.read_with(move |connection| connection.prepare_cached(sql)?.query_map([], function_row)?.collect()).await
    }

    async fn add_version(&self, new: &NewVersion) -> Result<Added> {
        let new = new.clone();
        self.change(move |transaction| add_version(transaction, &new)).await
    }

    async fn versions(&self, function: &str, before: Option<u32>, limit: u32) -> Result<Vec<VersionRow>> {
        let function = function.to_owned();
        let sql = concat!(
            "SELECT ",
            version_columns!(),
            " FROM function_versions WHERE function = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3"
        );
        self.read_with(move |connection| {
            let parameters = params![function, before.unwrap_or(u32::MAX), limit];
            connection.prepare_cached(sql)?.query_map(parameters, version_row)?.collect()
        })
        .await
    }

    async fn version(&self, function: &str, number: u32) -> Result<Option<(VersionRow, Content)>> {
        let function = function.to_owned();
        let sql = concat!(
            "SELECT ",
            version_columns!(),
            ", code, cases FROM function_versions WHERE function = ?1 AND number = ?2"
        );
        self.read_with(move |connection| {
            let row = |row: &Row<'_>| Ok((version_row(row)?, Content { code: row.get(9)?, cases: row.get(10)? }));
            connection.prepare_cached(sql)?.query_row(params![function, number], row).optional()
        })
        .await
    }

    async fn activate(&self, function: &str, activation: &Activation) -> Result<Option<FunctionRow>> {
        let (function, activation) = (function.to_owned(), activation.clone());
        self.change(move |transaction| activate(transaction, &function, &activation)).await
    }

    async fn delete_function(&self, function: &str) -> Result<bool> {
        let function = function.to_owned();
        self.change(move |transaction| delete_function(transaction, &function)).await
    }

    async fn tables(&self) -> Result<Vec<TableRow>> {
        let sql = "SELECT name, format, rows, length(content), sha256, changed_at FROM lookup_tables ORDER BY name";
        self.read_with(move |connection| connection.prepare_cached(sql)?.query_map([], table_row)?.collect()).await
    }

    async fn table(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let name = name.to_owned();
        let sql = "SELECT content FROM lookup_tables WHERE name = ?1";
        self.read_with(move |connection| connection.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional())
            .await
    }

    async fn put_table(&self, row: &TableRow, content: &[u8]) -> Result<()> {
        let (row, content) = (row.clone(), content.to_vec());
        let sql = "INSERT INTO lookup_tables AS t (name, format, rows, sha256, changed_at, content) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
            ON CONFLICT (name) DO UPDATE SET format = excluded.format, rows = excluded.rows, sha256 = excluded.sha256, \
              changed_at = excluded.changed_at, content = excluded.content \
            WHERE (t.format, t.sha256) <> (excluded.format, excluded.sha256)";
        self.change(move |transaction| {
            let parameters = params![row.name, row.format, row.rows, row.sha256, row.changed_at.micros(), content];
            Ok((transaction.prepare_cached(sql)?.execute(parameters)? > 0, ()))
        })
        .await
    }

    async fn delete_table(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        self.change(move |transaction| {
            let deleted = transaction.prepare_cached("DELETE FROM lookup_tables WHERE name = ?1")?.execute([name])? > 0;
            Ok((deleted, deleted))
        })
        .await
    }

    async fn add_dead_letters(&self, letters: &[DeadLetter]) -> Result<()> {
        let letters = letters.to_vec();
        self.write_with(move |writer| writer.transact(|session| letters::add(session.transaction(), &letters))).await
    }

    async fn dead_letters(&self, function: &str, after: Option<&str>, limit: u32) -> Result<Vec<DeadLetter>> {
        let (function, after) = (function.to_owned(), after.unwrap_or_default().to_owned());
        self.read_with(move |connection| letters::read(connection, &function, &after, limit)).await
    }

    async fn count_dead_letters(&self) -> Result<Vec<(String, u64)>> {
        self.read_with(letters::count).await
    }

    async fn delete_dead_letters(&self, function: &str, ids: Option<&[String]>) -> Result<u64> {
        let (function, ids) = (function.to_owned(), ids.map(<[String]>::to_vec));
        self.write_with(move |writer| {
            writer.transact(|session| letters::delete(session.transaction(), &function, ids.as_deref()))
        })
        .await
    }

    async fn expire_dead_letters(&self, before: Time) -> Result<u64> {
        self.write_with(move |writer| writer.transact(|session| letters::expire(session.transaction(), before))).await
    }
}

impl Sqlite {
    /// Runs what may change functions or tables in one transaction. The call tells whether it changed any, and its answer.
    async fn change<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<(bool, T)> + Send + 'static,
    ) -> Result<T> {
        let raise = "INSERT INTO registry (one, revision) VALUES (1, 1) \
            ON CONFLICT (one) DO UPDATE SET revision = revision + 1";
        let change = |writer: &mut super::Writer| {
            writer.transact(|session| {
                let (changed, answer) = call(session.transaction())?;
                if changed {
                    session.transaction().prepare_cached(raise)?.execute([])?;
                }
                Ok((changed, answer))
            })
        };
        let (changed, answer) = self.write_with(change).await?;
        if changed {
            self.0.changed.notify_one();
        }
        Ok(answer)
    }
}

fn add_version(transaction: &Transaction<'_>, new: &NewVersion) -> rusqlite::Result<(bool, Added)> {
    let newest: u32 = transaction
        .prepare_cached(
            "INSERT INTO functions (name) VALUES (?1) ON CONFLICT (name) DO UPDATE SET deleted = 0 RETURNING versions",
        )?
        .query_row([&new.function], |row| row.get(0))?;
    let is_same = transaction
        .prepare_cached(
            "SELECT 1 FROM function_versions WHERE function = ?1 AND number = ?2 AND language = ?3 AND sha256 = ?4 \
               AND cases = ?5 AND settings = ?6",
        )?
        .exists(params![new.function, newest, new.language, new.sha256, new.cases, new.settings])?;
    let number = if is_same { newest } else { newest + 1 };
    if !is_same {
        transaction
            .prepare_cached(
                "INSERT INTO function_versions \
                   (function, number, language, sha256, author, created_at, settings, cases, code) \
                 VALUES (:function, :number, :language, :sha256, :author, :created_at, :settings, :cases, :code)",
            )?
            .execute(named_params! {
                ":function": new.function,
                ":number": number,
                ":language": new.language,
                ":sha256": new.sha256,
                ":author": new.author,
                ":created_at": new.created_at.micros(),
                ":settings": new.settings,
                ":cases": new.cases,
                ":code": new.code,
            })?;
        transaction
            .prepare_cached("UPDATE functions SET versions = ?2 WHERE name = ?1")?
            .execute(params![new.function, number])?;
    }
    let mut activated = 0;
    if new.activate {
        activated = transaction
            .prepare_cached(
                "UPDATE functions SET active = ?2, canary = '' WHERE name = ?1 AND (active IS NOT ?2 OR canary <> '')",
            )?
            .execute(params![new.function, number])?;
    }
    Ok((!is_same || activated > 0, Added { number, made: !is_same }))
}

fn activate(
    transaction: &Transaction<'_>,
    function: &str,
    activation: &Activation,
) -> rusqlite::Result<(bool, Option<FunctionRow>)> {
    let found = transaction.prepare_cached(FIND_FUNCTION)?.query_row([function], function_row).optional()?;
    let Some(before) = found else { return Ok((false, None)) };
    let Some(after) = before.with(activation) else { return Ok((false, None)) };
    if let Some(Some(number)) = activation.active {
        // Numbers from before it was deleted have no version any more.
        let mut find =
            transaction.prepare_cached("SELECT 1 FROM function_versions WHERE function = ?1 AND number = ?2")?;
        if !find.exists(params![function, number])? {
            return Ok((false, None));
        }
    }
    if after == before {
        return Ok((false, Some(after)));
    }
    transaction
        .prepare_cached("UPDATE functions SET active = ?2, canary = ?3, rolled_back = ?4 WHERE name = ?1")?
        .execute(params![function, after.active, after.canary, after.rolled_back])?;
    Ok((true, Some(after)))
}

fn delete_function(transaction: &Transaction<'_>, function: &str) -> rusqlite::Result<(bool, bool)> {
    let bury = "UPDATE functions SET deleted = 1, active = NULL, canary = '', rolled_back = '' \
        WHERE name = ?1 AND NOT deleted";
    if transaction.prepare_cached(bury)?.execute([function])? == 0 {
        return Ok((false, false));
    }
    transaction.prepare_cached("DELETE FROM function_versions WHERE function = ?1")?.execute([function])?;
    letters::delete(transaction, function, None)?;
    Ok((true, true))
}

fn function_row(row: &Row<'_>) -> rusqlite::Result<FunctionRow> {
    Ok(FunctionRow {
        name: row.get(0)?,
        versions: row.get(1)?,
        active: row.get(2)?,
        canary: row.get(3)?,
        rolled_back: row.get(4)?,
    })
}

fn version_row(row: &Row<'_>) -> rusqlite::Result<VersionRow> {
    Ok(VersionRow {
        function: row.get(0)?,
        number: row.get(1)?,
        language: row.get(2)?,
        sha256: row.get(3)?,
        size: count(row, 4)?,
        cases: row.get(5)?,
        settings: row.get(6)?,
        author: row.get(7)?,
        created_at: time(row, 8)?,
    })
}

fn table_row(row: &Row<'_>) -> rusqlite::Result<TableRow> {
    Ok(TableRow {
        name: row.get(0)?,
        format: row.get(1)?,
        rows: row.get(2)?,
        size: count(row, 3)?,
        sha256: row.get(4)?,
        changed_at: time(row, 5)?,
    })
}
