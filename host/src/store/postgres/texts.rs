//! Deletes texts that no event uses any more.
//!
//! Nothing leads from a text to its events, and instances remember its id. So it is done in two steps with a long time between.
//! First the generation of the context rises: from then on each instance has to learn its texts anew, which makes them of that
//! generation, before it writes any event. When all transactions that began before are over, an event of theirs can be seen,
//! and whatever text is of an older generation still and has no event, nobody is about to use.

use deadpool_postgres::Pool;
use std::time::Duration;
use tokio_postgres::types::Type;

use super::Result;
use super::read::query;
use super::types::Parameter;

const RISE: &str = "UPDATE upto.contexts SET generation = generation + 1, generation_at = now(), deleted_at = NULL \
    WHERE deleted_at IS NOT NULL AND generation_at IS NULL";

const DUE: &str = "SELECT name FROM upto.contexts WHERE generation_at <= now() - make_interval(secs => $1) LIMIT 1";

/// Reads all events of the context, and locks nothing.
const UNUSED: &str = "SELECT t.id FROM upto.texts t JOIN upto.contexts c ON c.id = t.context_id \
    WHERE c.name = $1 AND t.generation < c.generation \
      AND NOT EXISTS (SELECT FROM upto.events e WHERE e.context_id = t.context_id AND e.name_id = t.id) \
      AND NOT EXISTS (SELECT FROM upto.events e WHERE e.context_id = t.context_id AND e.host_id = t.id)";

/// One that was learnt meanwhile is of the new generation.
const DELETE: &str = "DELETE FROM upto.texts t USING upto.contexts c \
    WHERE c.name = $1 AND t.context_id = c.id AND t.id = ANY ($2) AND t.generation < c.generation";

const DONE: &str = "UPDATE upto.contexts SET generation_at = NULL WHERE name = $1";

/// Texts that are deleted at a time.
const AT_ONCE: usize = 1_000;

/// [`crate::store::Store::unused_texts`].
pub(super) async fn due(pool: &Pool, settle: Duration) -> Result<Option<String>> {
    let parameters: [Parameter<'_>; 1] = [(&settle.as_secs_f64(), Type::FLOAT8)];
    pool.get().await?.execute_typed(RISE, &[]).await?;
    Ok(query(pool, DUE, &parameters).await?.first().map(|row| row.get(0)))
}

/// [`crate::store::Store::collect_texts`].
pub(super) async fn collect(pool: &Pool, context: &str) -> Result<u64> {
    let rows = query(pool, UNUSED, &[(&context, Type::TEXT)]).await?;
    let unused: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    let mut deleted = 0;
    for ids in unused.chunks(AT_ONCE) {
        let parameters: [Parameter<'_>; 2] = [(&context, Type::TEXT), (&ids, Type::INT4_ARRAY)];
        deleted += pool.get().await?.execute_typed(DELETE, &parameters).await?;
    }
    pool.get().await?.execute_typed(DONE, &[(&context, Type::TEXT)]).await?;
    Ok(deleted)
}
