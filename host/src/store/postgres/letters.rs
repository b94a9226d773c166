//! Dead letters in Postgres. Whatever locks several of them does so in the order of the key.

use deadpool_postgres::Pool;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};
use upto_wire::Time;

use super::Result;
use super::connect::Transaction;
use super::read::{query, time};
use super::types::{Parameter, Timestamp};
use crate::store::functions::{DEAD_LETTERS, DeadLetter};

/// Rows that are there already are left alone.
const ADD: &str = "INSERT INTO upto.dead_letters (function, id, version, cause, reason, report, at) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) \
    ON CONFLICT DO NOTHING";

/// Those of the function `$1` beyond the newest `$2`: a scan of that many entries of the index. Rows that another instance
/// deletes at the same time are left to it.
const TRIM: &str = "WITH oldest AS MATERIALIZED ( \
      SELECT d.ctid FROM upto.dead_letters d WHERE d.function = $1 AND d.id <= ( \
        SELECT k.id FROM upto.dead_letters k WHERE k.function = $1 ORDER BY k.id DESC OFFSET $2 LIMIT 1) \
      FOR UPDATE SKIP LOCKED) \
    DELETE FROM upto.dead_letters WHERE ctid = ANY (ARRAY(SELECT ctid FROM oldest))";

/// Deletes the letters `d` that meet a condition, locking them in order first.
macro_rules! delete {
    ($condition:literal) => {
        concat!(
            "WITH locked AS MATERIALIZED ( \
               SELECT d.ctid FROM upto.dead_letters d WHERE ",
            $condition,
            " ORDER BY d.function, d.id FOR UPDATE) \
             DELETE FROM upto.dead_letters WHERE ctid = ANY (ARRAY(SELECT ctid FROM locked))"
        )
    };
}

pub(super) async fn add(pool: &Pool, letters: &[DeadLetter]) -> Result<()> {
    let mut letters: Vec<&DeadLetter> = letters.iter().collect();
    letters.sort_by(|a, b| (&a.function, &a.id).cmp(&(&b.function, &b.id)));
    let text = |of: fn(&DeadLetter) -> &str| letters.iter().map(|letter| of(letter)).collect::<Vec<&str>>();
    let [mut functions, ids, causes, reasons, reports] = [
        text(|letter| &letter.function),
        text(|letter| &letter.id),
        text(|letter| &letter.cause),
        text(|letter| &letter.reason),
        text(|letter| &letter.report),
    ];
    let versions: Vec<i64> = letters.iter().map(|letter| letter.version.into()).collect();
    let times: Vec<Timestamp> = letters.iter().map(|letter| Timestamp(letter.at)).collect();
    let parameters: [Parameter<'_>; 7] = [
        (&functions, Type::TEXT_ARRAY),
        (&ids, Type::TEXT_ARRAY),
        (&versions, Type::INT8_ARRAY),
        (&causes, Type::TEXT_ARRAY),
        (&reasons, Type::TEXT_ARRAY),
        (&reports, Type::TEXT_ARRAY),
        (&times, Type::TIMESTAMPTZ_ARRAY),
    ];
    let transaction = Transaction::begin(pool).await?;
    transaction.client().execute_typed(ADD, &parameters).await?;
    functions.dedup();
    for function in functions {
        let trim: [Parameter<'_>; 2] = [(&function, Type::TEXT), (&i64::from(DEAD_LETTERS), Type::INT8)];
        transaction.client().execute_typed(TRIM, &trim).await?;
    }
    transaction.commit().await
}

pub(super) async fn read(pool: &Pool, function: &str, after: &str, limit: u32) -> Result<Vec<DeadLetter>> {
    let sql = "SELECT id, function, version, cause, reason, report, at FROM upto.dead_letters \
        WHERE function = $1 AND id > $2 ORDER BY id LIMIT $3";
    let parameters: [Parameter<'_>; 3] =
        [(&function, Type::TEXT), (&after, Type::TEXT), (&i64::from(limit), Type::INT8)];
    Ok(query(pool, sql, &parameters).await?.iter().map(letter).collect())
}

fn letter(row: &Row) -> DeadLetter {
    DeadLetter {
        id: row.get(0),
        function: row.get(1),
        version: u32::try_from(row.get::<_, i64>(2)).unwrap_or_default(),
        cause: row.get(3),
        reason: row.get(4),
        report: row.get(5),
        at: time(row, 6),
    }
}

pub(super) async fn count(pool: &Pool) -> Result<Vec<(String, u64)>> {
    let sql = "SELECT function, count(*) FROM upto.dead_letters GROUP BY function ORDER BY function";
    let rows = query(pool, sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1).unsigned_abs())).collect())
}

pub(super) async fn delete(pool: &Pool, function: &str, ids: Option<&[String]>) -> Result<u64> {
    let client = pool.get().await?;
    let Some(ids) = ids else { return delete_all(&client, function).await };
    let parameters: [Parameter<'_>; 2] = [(&function, Type::TEXT), (&ids, Type::TEXT_ARRAY)];
    Ok(client.execute_typed(delete!("d.function = $1 AND d.id = ANY ($2)"), &parameters).await?)
}

pub(super) async fn delete_all(client: &Client, function: &str) -> Result<u64> {
    Ok(client.execute_typed(delete!("d.function = $1"), &[(&function, Type::TEXT)]).await?)
}

pub(super) async fn expire(pool: &Pool, before: Time) -> Result<u64> {
    let before: Parameter<'_> = (&Timestamp(before), Type::TIMESTAMPTZ);
    Ok(pool.get().await?.execute_typed(delete!("d.at < $1"), &[before]).await?)
}
