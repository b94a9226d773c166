//! What housekeeping asks of Postgres. Each call is one statement; times are those of the server.

use std::time::Duration;

use deadpool_postgres::Pool;
use tokio_postgres::types::Type;

use super::Result;
use super::read::query;
use super::types::Parameter;
use crate::store::{Keep, TimelineKey};

/// The subqueries mean the context alone, so that each is done once. What is NULL holds for no timeline; an OFFSET of NULL
/// would be one of 0.
const EXPIRED: &str = "SELECT t.number FROM upto.timelines t \
    WHERE t.context_id = (SELECT id FROM upto.contexts WHERE name = $1) AND ( \
      t.received_at <= now() - make_interval(secs => $2) OR t.number <= ( \
        SELECT k.number FROM upto.timelines k \
        WHERE $3 IS NOT NULL AND k.context_id = (SELECT id FROM upto.contexts WHERE name = $1) \
        ORDER BY k.number DESC LIMIT 1 OFFSET $3)) \
    ORDER BY t.number LIMIT $4";

/// A row, as a lock would need a session of its own, or a transaction that stays open.
const CLAIM: &str = "INSERT INTO upto.housekeeping AS h (holder, until) VALUES ($1, now() + make_interval(secs => $2)) \
    ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, until = excluded.until \
    WHERE h.holder = excluded.holder OR h.until <= now()";

/// [`crate::store::Store::expired_timelines`].
pub(super) async fn expired(pool: &Pool, context: &str, keep: Keep, limit: u32) -> Result<Vec<TimelineKey>> {
    let (silent_s, newest) = (keep.silent_s.map(f64::from), keep.newest.map(i64::from));
    let parameters: [Parameter<'_>; 4] =
        [(&context, Type::TEXT), (&silent_s, Type::FLOAT8), (&newest, Type::INT8), (&i64::from(limit), Type::INT8)];
    let rows = query(pool, EXPIRED, &parameters).await?;
    let key = |number: i32| TimelineKey { context: context.to_owned(), number: number.unsigned_abs() };
    Ok(rows.iter().map(|row| key(row.get(0))).collect())
}

/// [`crate::store::Store::set_abandon_after`].
pub(super) async fn set_abandon_after(pool: &Pool, context: &str, seconds: Option<u32>) -> Result<()> {
    let seconds = seconds.map(|seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
    let set = "UPDATE upto.contexts SET abandon_after_s = $2 WHERE name = $1";
    let parameters: [Parameter<'_>; 2] = [(&context, Type::TEXT), (&seconds, Type::INT4)];
    pool.get().await?.execute_typed(set, &parameters).await?;
    Ok(())
}

/// [`crate::store::Store::claim_housekeeping`].
pub(super) async fn claim(pool: &Pool, holder: &str, lease: Duration) -> Result<bool> {
    let parameters: [Parameter<'_>; 2] = [(&holder, Type::TEXT), (&lease.as_secs_f64(), Type::FLOAT8)];
    Ok(pool.get().await?.execute_typed(CLAIM, &parameters).await? > 0)
}
