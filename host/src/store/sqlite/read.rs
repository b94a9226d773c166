//! What reads from SQLite.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use upto_wire::Time;

use crate::event::{Event, EventKey, LabelText};
use crate::store::rule::{Columns, failed, first, last, running};
use crate::store::{ContextRow, TimelineKey, TimelineRef, TimelineRow};

type Result<T> = rusqlite::Result<T>;

/// Events of the timeline `?2` of the context `?1` that meet a condition on the name `?3` and the host `?4`. The order of
/// the joins is SQLite's order of loops where they are CROSS: names in byte order, so that a page reads no more than it
/// gives.
macro_rules! events {
    ($condition:literal) => {
        concat!(
            "SELECT n.text, coalesce(h.text, ''), e.started_at, e.restarted_at, e.ended_at, e.is_point, e.status, \
               e.start_labels, e.end_labels, CASE e.functions WHEN 0 THEN '' ELSE coalesce( \
                 (SELECT f.functions FROM function_sets f WHERE f.id = e.functions), '') END \
             FROM contexts c CROSS JOIN texts n CROSS JOIN events e LEFT JOIN texts h ON h.id = e.host_id \
             WHERE c.name = ?1 AND n.context_id = c.id \
               AND e.context_id = c.id AND e.timeline = ?2 AND e.name_id = n.id AND ",
            $condition,
            " ORDER BY n.text, coalesce(h.text, '') LIMIT ?5"
        )
    };
}

/// Timelines of a context that meet a condition, with what their events add up to.
macro_rules! timelines {
    ($condition:literal) => {
        concat!(
            "SELECT c.name, t.number, t.name, t.labels, t.created_at, t.received_at, t.revision, t.number < c.latest, \
               count(e.timeline), sum(e.timeline IS NOT NULL AND ",
            running!(),
            "), \
               sum(e.timeline IS NOT NULL AND ",
            failed!(),
            "), \
               min(",
            first!(),
            "), max(",
            last!(),
            "), c.abandon_after_s \
             FROM (SELECT t.* FROM contexts c JOIN timelines t ON t.context_id = c.id \
                   WHERE c.name = :context AND ",
            $condition,
            " ORDER BY t.number DESC LIMIT :limit) t \
             JOIN contexts c ON c.id = t.context_id \
             LEFT JOIN events e ON e.context_id = t.context_id AND e.timeline = t.number \
             GROUP BY t.number ORDER BY t.number DESC"
        )
    };
}

pub(super) fn contexts(connection: &Connection, after: &str, limit: u32) -> Result<Vec<ContextRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, created_at, latest, abandon_after_s FROM contexts WHERE name > ?1 ORDER BY name LIMIT ?2",
    )?;
    statement.query_map(params![after, limit], context_row)?.collect()
}

pub(super) fn context(connection: &Connection, name: &str) -> Result<Option<ContextRow>> {
    let mut statement =
        connection.prepare_cached("SELECT name, created_at, latest, abandon_after_s FROM contexts WHERE name = ?1")?;
    statement.query_row([name], context_row).optional()
}

fn context_row(row: &Row<'_>) -> Result<ContextRow> {
    Ok(ContextRow { name: row.get(0)?, created_at: time(row, 1)?, latest: row.get(2)?, abandon_after_s: row.get(3)? })
}

pub(super) fn timelines(
    connection: &Connection,
    context: &str,
    before: Option<u32>,
    limit: u32,
) -> Result<Vec<TimelineRow>> {
    let mut statement = connection.prepare_cached(timelines!("t.number < :before"))?;
    let before = before.unwrap_or(u32::MAX);
    let parameters = named_params! {":context": context, ":before": before, ":limit": limit};
    statement.query_map(parameters, timeline_row)?.collect()
}

pub(super) fn timeline(connection: &Connection, context: &str, which: &TimelineRef) -> Result<Option<TimelineRow>> {
    let one = |sql: &str, parameters: &[(&str, &dyn rusqlite::ToSql)]| {
        connection.prepare_cached(sql)?.query_row(parameters, timeline_row).optional()
    };
    match which {
        TimelineRef::Number(number) => {
            one(timelines!("t.number = :number"), named_params! {":context": context, ":number": number, ":limit": 1})
        }
        TimelineRef::Latest => {
            one(timelines!("t.number <= c.latest"), named_params! {":context": context, ":limit": 1})
        }
        TimelineRef::Name(name) => {
            one(timelines!("t.name = :name"), named_params! {":context": context, ":name": name, ":limit": 1})
        }
    }
}

fn timeline_row(row: &Row<'_>) -> Result<TimelineRow> {
    Ok(TimelineRow {
        key: TimelineKey { context: row.get(0)?, number: row.get(1)? },
        name: row.get(2)?,
        labels: LabelText::from_stored(row.get(3)?),
        created_at: time(row, 4)?,
        received_at: time(row, 5)?,
        revision: count(row, 6)?,
        superseded: row.get(7)?,
        events: count(row, 8)?,
        running: count(row, 9)?,
        failed: count(row, 10)?,
        first: optional_time(row, 11)?,
        last: optional_time(row, 12)?,
        abandon_after_s: row.get(13)?,
    })
}

pub(super) fn events(
    connection: &Connection,
    timeline: &TimelineKey,
    after: Option<&EventKey>,
    limit: u32,
) -> Result<Vec<(EventKey, Event)>> {
    let (name, host) = after.map_or(("", ""), |key| (&key.name, &key.host));
    let sql = events!("n.text >= ?3 AND (n.text > ?3 OR coalesce(h.text, '') > ?4)");
    let mut statement = connection.prepare_cached(sql)?;
    let parameters = params![timeline.context, timeline.number, name, host, limit];
    statement.query_map(parameters, event_row)?.collect()
}

pub(super) fn event(connection: &Connection, timeline: &TimelineKey, key: &EventKey) -> Result<Option<Event>> {
    let mut statement = connection.prepare_cached(events!("n.text = ?3 AND coalesce(h.text, '') = ?4"))?;
    let parameters = params![timeline.context, timeline.number, key.name, key.host, 1];
    Ok(statement.query_row(parameters, event_row).optional()?.map(|(_, event)| event))
}

fn event_row(row: &Row<'_>) -> Result<(EventKey, Event)> {
    let columns = Columns {
        started_at: optional_time(row, 2)?,
        restarted_at: optional_time(row, 3)?,
        ended_at: optional_time(row, 4)?,
        is_point: row.get(5)?,
        status: row.get(6)?,
        start_labels: row.get_ref(7)?.as_str()?,
        end_labels: row.get_ref(8)?.as_str()?,
    };
    Ok((EventKey { name: row.get(0)?, host: row.get(1)? }, columns.event(row.get_ref(9)?.as_str()?)))
}

pub(super) fn revision(connection: &Connection, timeline: &TimelineKey) -> Result<Option<u64>> {
    let mut statement = connection.prepare_cached(
        "SELECT t.revision FROM contexts c JOIN timelines t ON t.context_id = c.id WHERE c.name = ?1 AND t.number = ?2",
    )?;
    statement.query_row(params![timeline.context, timeline.number], |row| count(row, 0)).optional()
}

pub(super) fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Time> {
    row.get(column).map(Time::from_micros)
}

fn optional_time(row: &Row<'_>, column: usize) -> Result<Option<Time>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Time::from_micros))
}
