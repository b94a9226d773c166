//! Deletes texts that no event uses any more.
//!
//! Nothing leads from a text to its events, and instances remember its id. So it is done in two steps with a long time between.
//! First the generation of the context rises: from then on each instance has to learn its texts anew, which makes them of that
//! generation, before it writes any event. When all transactions that began before are over, an event of theirs can be seen,
//! and whatever text is of an older generation still and has no event, nobody is about to use.

use std::time::Duration;

use deadpool_postgres::Pool;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Result;
use super::connect::Transaction;
use super::read::query;
use super::types::Parameter;
use crate::store::StaleTexts;

const STALE: &str = "SELECT name, generation, generation_at IS NOT NULL FROM upto.contexts \
    WHERE generation_at <= now() - make_interval(secs => $1) OR generation_at IS NULL AND deleted_at IS NOT NULL \
    ORDER BY generation_at NULLS FIRST LIMIT 1";

const RISE: &str = "UPDATE upto.contexts SET generation = generation + 1, generation_at = now(), deleted_at = NULL \
    WHERE name = $1 AND generation = $2 AND generation_at IS NULL";

/// Before it is begun, so that one which fails is tried again as late as that, and others come first.
const CLAIM: &str = "UPDATE upto.contexts SET generation_at = now() WHERE name = $1 AND generation = $2 AND generation_at IS NOT NULL \
    RETURNING id";

/// Reads all events of the context, in its own time, and locks nothing.
const UNUSED: &str = "SELECT t.id FROM upto.texts t WHERE t.context_id = $1 AND t.generation < $2 \
    EXCEPT SELECT e.name_id FROM upto.events e WHERE e.context_id = $1 \
    EXCEPT SELECT e.host_id FROM upto.events e WHERE e.context_id = $1";

/// How long that may take.
const LIMIT: &str = "SET LOCAL statement_timeout = '2min'";

/// One that was learnt meanwhile is of the new generation, and one that is locked is being learnt.
const DELETE: &str = "WITH free AS MATERIALIZED ( \
      SELECT t.id FROM upto.texts t WHERE t.context_id = $1 AND t.id = ANY ($3) AND t.generation < $2 \
      ORDER BY t.id FOR UPDATE SKIP LOCKED) \
    DELETE FROM upto.texts t USING free WHERE t.context_id = $1 AND t.id = free.id";

const DONE: &str = "UPDATE upto.contexts SET generation_at = NULL WHERE id = $1 AND generation = $2";

/// Texts that are deleted at a time.
const AT_ONCE: usize = 1_000;

/// [`crate::store::Store::stale_texts`].
pub(super) async fn stale(pool: &Pool, settle: Duration) -> Result<Option<StaleTexts>> {
    let rows = query(pool, STALE, &[(&settle.as_secs_f64(), Type::FLOAT8)]).await?;
    let stale = |row: &Row| StaleTexts { context: row.get(0), generation: row.get(1), settled: row.get(2) };
    Ok(rows.first().map(stale))
}

/// [`crate::store::Store::collect_texts`].
pub(super) async fn collect(pool: &Pool, StaleTexts { context, generation, settled }: &StaleTexts) -> Result<u64> {
    let context: [Parameter<'_>; 2] = [(context, Type::TEXT), (generation, Type::INT4)];
    if !settled {
        pool.get().await?.execute_typed(RISE, &context).await?;
        return Ok(0);
    }
    let Some(id) = query(pool, CLAIM, &context).await?.first().map(|row| row.get::<_, i32>(0)) else { return Ok(0) };
    let context: [Parameter<'_>; 2] = [(&id, Type::INT4), (generation, Type::INT4)];
    let transaction = Transaction::begin(pool).await?;
    transaction.client().batch_execute(LIMIT).await?;
    let rows = transaction.client().query_typed(UNUSED, &context).await?;
    transaction.commit().await?;
    let unused: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    let mut deleted = 0;
    for ids in unused.chunks(AT_ONCE) {
        let parameters = [&context[..], &[(&ids, Type::INT4_ARRAY)]].concat();
        deleted += pool.get().await?.execute_typed(DELETE, &parameters).await?;
    }
    pool.get().await?.execute_typed(DONE, &context).await?;
    Ok(deleted)
}
