//! Functions in Postgres. What changes them is a transaction that locks the function's row first and the registry's last,
//! so that no two instances wait for each other in a circle.

use async_trait::async_trait;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};
use upto_wire::Time;

use super::connect::Transaction;
use super::read::{query, time};
use super::types::{Parameter, Timestamp};
use super::{CALL_TIMEOUT, Postgres, Result, StoreError, letters, within};
use crate::store::functions::{
    Activation, Added, Content, DeadLetter, FunctionRow, FunctionStore, NewVersion, TableRow, VersionRow,
};

/// Raises the revision, and tells whoever listens. The row is made anew where somebody deleted it.
const CHANGED: &str = "INSERT INTO upto.registry AS r (revision) VALUES (1) \
    ON CONFLICT (one) DO UPDATE SET revision = r.revision + 1; NOTIFY upto_functions";

/// Columns of a [`FunctionRow`].
macro_rules! function_columns {
    () => {
        "name, versions, active, canary, rolled_back"
    };
}

/// Columns of a [`VersionRow`].
macro_rules! version_columns {
    () => {
        "function, number, language, sha256, length(code), json_array_length(cases::json), settings, author, created_at"
    };
}

#[async_trait]
impl FunctionStore for Postgres {
    async fn registry_revision(&self) -> Result<u64> {
        let rows = within(CALL_TIMEOUT, query(&self.pool, "SELECT revision FROM upto.registry", &[])).await?;
        Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0).unsigned_abs()))
    }

    async fn registry_changed(&self) {
        self.changes.next().await;
    }

    async fn functions(&self) -> Result<Vec<FunctionRow>> {
        let sql = concat!("SELECT ", function_columns!(), " FROM upto.functions WHERE NOT deleted ORDER BY name");
        let rows = within(CALL_TIMEOUT, query(&self.pool, sql, &[])).await?;
        Ok(rows.iter().map(function_row).collect())
    }

    async fn add_version(&self, new: &NewVersion) -> Result<Added> {
        within(CALL_TIMEOUT, async {
            let transaction = Transaction::begin(&self.pool).await?;
            let outcome = add_version(transaction.client(), new).await;
            end(transaction, outcome).await
        })
        .await
    }

    async fn versions(&self, function: &str, before: Option<u32>, limit: u32) -> Result<Vec<VersionRow>> {
        let sql = concat!(
            "SELECT ",
            version_columns!(),
            " FROM upto.function_versions WHERE function = $1 AND number < $2 ORDER BY number DESC LIMIT $3"
        );
        let before = before.map_or(i64::MAX, i64::from);
        let parameters: [Parameter<'_>; 3] =
            [(&function, Type::TEXT), (&before, Type::INT8), (&i64::from(limit), Type::INT8)];
        within(CALL_TIMEOUT, query(&self.pool, sql, &parameters)).await?.iter().map(version_row).collect()
    }

    async fn version(&self, function: &str, number: u32) -> Result<Option<(VersionRow, Content)>> {
        let sql = concat!(
            "SELECT ",
            version_columns!(),
            ", code, cases FROM upto.function_versions WHERE function = $1 AND number = $2"
        );
        let parameters: [Parameter<'_>; 2] = [(&function, Type::TEXT), (&i64::from(number), Type::INT8)];
        let rows = within(CALL_TIMEOUT, query(&self.pool, sql, &parameters)).await?;
        let content = |row: &Row| Content { code: row.get(9), cases: row.get(10) };
        rows.first().map(|row| Ok((version_row(row)?, content(row)))).transpose()
    }

    async fn activate(&self, function: &str, activation: &Activation) -> Result<Option<FunctionRow>> {
        within(CALL_TIMEOUT, async {
            let transaction = Transaction::begin(&self.pool).await?;
            let outcome = activate(transaction.client(), function, activation).await;
            end(transaction, outcome).await
        })
        .await
    }

    async fn delete_function(&self, function: &str) -> Result<bool> {
        within(CALL_TIMEOUT, async {
            let transaction = Transaction::begin(&self.pool).await?;
            let outcome = delete_function(transaction.client(), function).await;
            end(transaction, outcome).await
        })
        .await
    }

    async fn tables(&self) -> Result<Vec<TableRow>> {
        let sql =
            "SELECT name, format, rows, length(content), sha256, changed_at FROM upto.lookup_tables ORDER BY name";
        within(CALL_TIMEOUT, query(&self.pool, sql, &[])).await?.iter().map(table_row).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT content FROM upto.lookup_tables WHERE name = $1";
        let rows = within(CALL_TIMEOUT, query(&self.pool, sql, &[(&name, Type::TEXT)])).await?;
        Ok(rows.first().map(|row| row.get(0)))
    }

    async fn put_table(&self, row: &TableRow, content: &[u8]) -> Result<()> {
        let sql = "INSERT INTO upto.lookup_tables AS t (name, format, rows, content, sha256, changed_at) \
            VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT (name) DO UPDATE SET format = excluded.format, rows = excluded.rows, content = excluded.content, \
              sha256 = excluded.sha256, changed_at = excluded.changed_at \
            WHERE (t.format, t.sha256) <> (excluded.format, excluded.sha256)";
        let parameters: [Parameter<'_>; 6] = [
            (&row.name, Type::TEXT),
            (&row.format, Type::TEXT),
            (&i64::from(row.rows), Type::INT8),
            (&content, Type::BYTEA),
            (&row.sha256.as_slice(), Type::BYTEA),
            (&Timestamp(row.changed_at), Type::TIMESTAMPTZ),
        ];
        self.change_rows(sql, &parameters).await.map(drop)
    }

    async fn delete_table(&self, name: &str) -> Result<bool> {
        self.change_rows("DELETE FROM upto.lookup_tables WHERE name = $1", &[(&name, Type::TEXT)]).await
    }

    async fn add_dead_letters(&self, letters: &[DeadLetter]) -> Result<()> {
        within(CALL_TIMEOUT, letters::add(&self.pool, letters)).await
    }

    async fn dead_letters(&self, function: &str, after: Option<&str>, limit: u32) -> Result<Vec<DeadLetter>> {
        within(CALL_TIMEOUT, letters::read(&self.pool, function, after.unwrap_or_default(), limit)).await
    }

    async fn count_dead_letters(&self) -> Result<Vec<(String, u64)>> {
        within(CALL_TIMEOUT, letters::count(&self.pool)).await
    }

    async fn delete_dead_letters(&self, function: &str, ids: Option<&[String]>) -> Result<u64> {
        within(CALL_TIMEOUT, letters::delete(&self.pool, function, ids)).await
    }

    async fn expire_dead_letters(&self, before: Time) -> Result<u64> {
        within(CALL_TIMEOUT, letters::expire(&self.pool, before)).await
    }
}

impl Postgres {
    /// Runs a statement that changes functions or tables. Tells whether it changed a row.
    async fn change_rows(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<bool> {
        within(CALL_TIMEOUT, async {
            let transaction = Transaction::begin(&self.pool).await?;
            let outcome = transaction.client().execute_typed(sql, parameters).await;
            end(transaction, outcome.map(|rows| (rows > 0, rows > 0)).map_err(StoreError::from)).await
        })
        .await
    }
}

/// Ends a transaction whose outcome is whether anything changed, and an answer. Only a change is told to others.
async fn end<T>(transaction: Transaction, outcome: Result<(bool, T)>) -> Result<T> {
    match outcome {
        Ok((changed, answer)) => {
            if changed {
                transaction.client().batch_execute(CHANGED).await?;
            }
            transaction.commit().await?;
            Ok(answer)
        }
        // Where the server still answers the connection can be kept.
        Err(error) => {
            let _ = transaction.roll_back().await;
            Err(error)
        }
    }
}

async fn add_version(client: &Client, new: &NewVersion) -> Result<(bool, Added)> {
    let function: Parameter<'_> = (&new.function, Type::TEXT);
    let lock = "INSERT INTO upto.functions (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET deleted = false \
        RETURNING versions";
    let newest: i32 = client.query_typed(lock, std::slice::from_ref(&function)).await?[0].get(0);
    let content: [Parameter<'_>; 5] = [
        (&new.language, Type::TEXT),
        (&new.sha256.as_slice(), Type::BYTEA),
        (&new.cases, Type::TEXT),
        (&new.settings, Type::TEXT),
        function.clone(),
    ];
    let same = "SELECT FROM upto.function_versions \
        WHERE language = $1 AND sha256 = $2 AND cases = $3 AND settings = $4 AND function = $5 AND number = $6";
    let number: Parameter<'_> = (&newest, Type::INT4);
    let is_same = !client.query_typed(same, &[&content[..], &[number]].concat()).await?.is_empty();
    let number = if is_same { newest } else { newest + 1 };
    if !is_same {
        let others: [Parameter<'_>; 4] = [
            (&number, Type::INT4),
            (&new.code, Type::BYTEA),
            (&new.author, Type::TEXT),
            (&Timestamp(new.created_at), Type::TIMESTAMPTZ),
        ];
        let insert = "INSERT INTO upto.function_versions \
              (language, sha256, cases, settings, function, number, code, author, created_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        client.execute_typed(insert, &[&content[..], &others].concat()).await?;
        let count = "UPDATE upto.functions SET versions = $2 WHERE name = $1";
        client.execute_typed(count, &[function.clone(), (&number, Type::INT4)]).await?;
    }
    let mut activated = 0;
    if new.activate {
        let activate = "UPDATE upto.functions SET active = $2, canary = '' \
            WHERE name = $1 AND (active IS DISTINCT FROM $2 OR canary <> '')";
        activated = client.execute_typed(activate, &[function, (&number, Type::INT4)]).await?;
    }
    Ok((!is_same || activated > 0, Added { number: number.unsigned_abs(), made: !is_same }))
}

async fn activate(client: &Client, function: &str, activation: &Activation) -> Result<(bool, Option<FunctionRow>)> {
    let lock = concat!(
        "SELECT ",
        function_columns!(),
        " FROM upto.functions WHERE name = $1 AND NOT deleted FOR NO KEY UPDATE"
    );
    let Some(row) = client.query_typed_opt(lock, &[(&function, Type::TEXT)]).await? else { return Ok((false, None)) };
    let before = function_row(&row);
    let Some(after) = before.with(activation) else { return Ok((false, None)) };
    let active = after.active.map(i64::from);
    if let (Some(Some(_)), Some(number)) = (activation.active, &active) {
        // Numbers from before it was deleted have no version any more.
        let find = "SELECT FROM upto.function_versions WHERE function = $1 AND number = $2";
        if client.query_typed_opt(find, &[(&function, Type::TEXT), (number, Type::INT8)]).await?.is_none() {
            return Ok((false, None));
        }
    }
    if after == before {
        return Ok((false, Some(after)));
    }
    let update = "UPDATE upto.functions SET active = $2, canary = $3, rolled_back = $4 WHERE name = $1";
    let parameters: [Parameter<'_>; 4] =
        [(&function, Type::TEXT), (&active, Type::INT8), (&after.canary, Type::TEXT), (&after.rolled_back, Type::TEXT)];
    client.execute_typed(update, &parameters).await?;
    Ok((true, Some(after)))
}

async fn delete_function(client: &Client, function: &str) -> Result<(bool, bool)> {
    let parameters: [Parameter<'_>; 1] = [(&function, Type::TEXT)];
    let bury = "UPDATE upto.functions SET deleted = true, active = NULL, canary = '', rolled_back = '' \
        WHERE name = $1 AND NOT deleted";
    if client.execute_typed(bury, &parameters).await? == 0 {
        return Ok((false, false));
    }
    client.execute_typed("DELETE FROM upto.function_versions WHERE function = $1", &parameters).await?;
    letters::delete_all(client, function).await?;
    Ok((true, true))
}

fn function_row(row: &Row) -> FunctionRow {
    FunctionRow {
        name: row.get(0),
        versions: row.get::<_, i32>(1).unsigned_abs(),
        active: row.get::<_, Option<i32>>(2).map(i32::unsigned_abs),
        canary: row.get(3),
        rolled_back: row.get(4),
    }
}

fn version_row(row: &Row) -> Result<VersionRow> {
    Ok(VersionRow {
        function: row.get(0),
        number: row.get::<_, i32>(1).unsigned_abs(),
        language: row.get(2),
        sha256: sha256(row, 3)?,
        size: row.get::<_, i32>(4).unsigned_abs().into(),
        cases: row.get::<_, i32>(5).unsigned_abs(),
        settings: row.get(6),
        author: row.get(7),
        created_at: time(row, 8),
    })
}

fn table_row(row: &Row) -> Result<TableRow> {
    Ok(TableRow {
        name: row.get(0),
        format: row.get(1),
        rows: u32::try_from(row.get::<_, i64>(2)).unwrap_or(u32::MAX),
        size: row.get::<_, i32>(3).unsigned_abs().into(),
        sha256: sha256(row, 4)?,
        changed_at: time(row, 5),
    })
}

fn sha256(row: &Row, column: usize) -> Result<[u8; 32]> {
    let bytes = row.get::<_, &[u8]>(column).try_into();
    bytes.map_err(|_| StoreError::Fatal("a SHA-256 in the store does not have 32 bytes".to_owned()))
}
