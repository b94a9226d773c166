//! What reads from Postgres. Each read is one statement, so it sees one state of the store.

use deadpool_postgres::Pool;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use upto_wire::Time;

use super::Result;
use super::types::{Parameter, Timestamp};
use crate::event::{Event, EventKey, LabelText};
use crate::store::rule::{Columns, failed, first, last, running};
use crate::store::{ContextRow, TimelineKey, TimelineRef, TimelineRow};

/// Events of the timeline `$2` of the context `$1` that meet a condition on the name `$3` and the host `$4`. The context is
/// a subquery and no join: so the planner knows that the index of texts gives names in order, and a page costs what it
/// has, not what the timeline has.
macro_rules! events {
    ($condition:literal) => {
        concat!(
            "SELECT n.text, coalesce(h.text, ''), e.started_at, e.restarted_at, e.ended_at, e.is_point, e.status, \
               e.start_labels, e.end_labels, CASE e.functions WHEN 0 THEN '' ELSE coalesce( \
                 (SELECT f.functions FROM upto.function_sets f WHERE f.id = e.functions), '') END \
             FROM upto.texts n \
             JOIN upto.events e ON e.context_id = n.context_id AND e.timeline = $2 AND e.name_id = n.id \
             LEFT JOIN upto.texts h ON h.context_id = n.context_id AND h.id = e.host_id \
             WHERE n.context_id = (SELECT c.id FROM upto.contexts c WHERE c.name = $1) AND ",
            $condition,
            " ORDER BY n.text, coalesce(h.text, '') LIMIT $5"
        )
    };
}

/// Timelines of the context `$1` that meet a condition on `$2`, with what their events add up to.
macro_rules! timelines {
    ($condition:literal) => {
        concat!(
            "SELECT t.context, t.number, t.name, t.labels, t.created_at, t.received_at, t.revision, t.superseded, s.*, t.abandon_after_s \
             FROM (SELECT c.name AS context, t.*, t.number < c.latest AS superseded, c.abandon_after_s \
                   FROM upto.contexts c JOIN upto.timelines t ON t.context_id = c.id \
                   WHERE c.name = $1 AND ",
            $condition,
            " ORDER BY t.number DESC LIMIT $3) t \
             CROSS JOIN LATERAL ( \
               SELECT count(*), count(*) FILTER (WHERE ",
            running!(),
            "), count(*) FILTER (WHERE ",
            failed!(),
            "), \
                 min(",
            first!(),
            "), max(",
            last!(),
            ") \
               FROM upto.events e WHERE e.context_id = t.context_id AND e.timeline = t.number) s \
             ORDER BY t.number DESC"
        )
    };
}

pub(super) async fn query(pool: &Pool, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
    Ok(pool.get().await?.query_typed(sql, parameters).await?)
}

pub(super) async fn contexts(pool: &Pool, after: &str, limit: u32) -> Result<Vec<ContextRow>> {
    let sql =
        "SELECT name, created_at, latest, abandon_after_s FROM upto.contexts WHERE name > $1 ORDER BY name LIMIT $2";
    let rows = query(pool, sql, &[(&after, Type::TEXT), (&i64::from(limit), Type::INT8)]).await?;
    Ok(rows.iter().map(context_row).collect())
}

pub(super) async fn context(pool: &Pool, name: &str) -> Result<Option<ContextRow>> {
    let sql = "SELECT name, created_at, latest, abandon_after_s FROM upto.contexts WHERE name = $1";
    Ok(query(pool, sql, &[(&name, Type::TEXT)]).await?.first().map(context_row))
}

fn context_row(row: &Row) -> ContextRow {
    ContextRow {
        name: row.get(0),
        created_at: time(row, 1),
        latest: row.get::<_, i32>(2).unsigned_abs(),
        abandon_after_s: seconds(row, 3),
    }
}

pub(super) async fn timelines(pool: &Pool, context: &str, before: Option<u32>, limit: u32) -> Result<Vec<TimelineRow>> {
    // As 64 bits, which hold any number that is asked for.
    let before = before.map_or(i64::MAX, i64::from);
    let parameters: [Parameter<'_>; 3] =
        [(&context, Type::TEXT), (&before, Type::INT8), (&i64::from(limit), Type::INT8)];
    let rows = query(pool, timelines!("t.number < $2"), &parameters).await?;
    Ok(rows.iter().map(timeline_row).collect())
}

pub(super) async fn timeline(pool: &Pool, context: &str, which: &TimelineRef) -> Result<Option<TimelineRow>> {
    let context: Parameter<'_> = (&context, Type::TEXT);
    let one: Parameter<'_> = (&1_i64, Type::INT8);
    let rows = match which {
        TimelineRef::Number(number) => {
            let number = i64::from(*number);
            query(pool, timelines!("t.number = $2"), &[context, (&number, Type::INT8), one]).await?
        }
        TimelineRef::Latest => {
            query(pool, timelines!("t.number < $2"), &[context, (&i64::MAX, Type::INT8), one]).await?
        }
        TimelineRef::Name(name) => query(pool, timelines!("t.name = $2"), &[context, (name, Type::TEXT), one]).await?,
    };
    Ok(rows.first().map(timeline_row))
}

fn timeline_row(row: &Row) -> TimelineRow {
    TimelineRow {
        key: TimelineKey { context: row.get(0), number: row.get::<_, i32>(1).unsigned_abs() },
        name: row.get(2),
        labels: LabelText::from_stored(row.get(3)),
        created_at: time(row, 4),
        received_at: time(row, 5),
        revision: row.get::<_, i64>(6).unsigned_abs(),
        superseded: row.get(7),
        events: row.get::<_, i64>(8).unsigned_abs(),
        running: row.get::<_, i64>(9).unsigned_abs(),
        failed: row.get::<_, i64>(10).unsigned_abs(),
        first: optional_time(row, 11),
        last: optional_time(row, 12),
        abandon_after_s: seconds(row, 13),
    }
}

pub(super) async fn events(
    pool: &Pool,
    timeline: &TimelineKey,
    after: Option<&EventKey>,
    limit: u32,
) -> Result<Vec<(EventKey, Event)>> {
    let key = after.map_or(("", ""), |key| (&key.name, &key.host));
    let sql = events!("n.text >= $3 AND (n.text > $3 OR coalesce(h.text, '') > $4)");
    Ok(query_events(pool, sql, timeline, key, limit).await?.iter().map(event_row).collect())
}

pub(super) async fn event(pool: &Pool, timeline: &TimelineKey, key: &EventKey) -> Result<Option<Event>> {
    let sql = events!("n.text = $3 AND coalesce(h.text, '') = $4");
    let rows = query_events(pool, sql, timeline, (&key.name, &key.host), 1).await?;
    Ok(rows.first().map(|row| event_row(row).1))
}

async fn query_events(
    pool: &Pool,
    sql: &str,
    timeline: &TimelineKey,
    (name, host): (&str, &str),
    limit: u32,
) -> Result<Vec<Row>> {
    let Ok(number) = i32::try_from(timeline.number) else { return Ok(Vec::new()) };
    let parameters: [Parameter<'_>; 5] = [
        (&timeline.context, Type::TEXT),
        (&number, Type::INT4),
        (&name, Type::TEXT),
        (&host, Type::TEXT),
        (&i64::from(limit), Type::INT8),
    ];
    query(pool, sql, &parameters).await
}

fn event_row(row: &Row) -> (EventKey, Event) {
    let columns = Columns {
        started_at: optional_time(row, 2),
        restarted_at: optional_time(row, 3),
        ended_at: optional_time(row, 4),
        is_point: row.get(5),
        status: row.get(6),
        start_labels: row.get(7),
        end_labels: row.get(8),
    };
    (EventKey { name: row.get(0), host: row.get(1) }, columns.event(row.get(9)))
}

pub(super) async fn revision(pool: &Pool, timeline: &TimelineKey) -> Result<Option<u64>> {
    let sql = "SELECT t.revision FROM upto.contexts c JOIN upto.timelines t ON t.context_id = c.id \
        WHERE c.name = $1 AND t.number = $2";
    let parameters: [Parameter<'_>; 2] = [(&timeline.context, Type::TEXT), (&i64::from(timeline.number), Type::INT8)];
    let rows = query(pool, sql, &parameters).await?;
    Ok(rows.first().map(|row| row.get::<_, i64>(0).unsigned_abs()))
}

pub(super) async fn ping(pool: &Pool) -> Result<()> {
    query(pool, "SELECT 1", &[]).await.map(drop)
}

fn seconds(row: &Row, column: usize) -> Option<u32> {
    row.get::<_, Option<i32>>(column).map(i32::unsigned_abs)
}

pub(super) fn time(row: &Row, column: usize) -> Time {
    row.get::<_, Timestamp>(column).0
}

fn optional_time(row: &Row, column: usize) -> Option<Time> {
    row.get::<_, Option<Timestamp>>(column).map(|Timestamp(time)| time)
}
