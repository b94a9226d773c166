//! What reads events: where it takes more than one command it is one call of `lua/read.lua`, so it sees one state of the
//! store.

use redis::cmd;

use super::value::{event_of, key, key_of, time_of};
use super::{Redis, Result, of_context};
use crate::event::{Event, EventKey, LabelText};
use crate::store::{ContextRow, TimelineKey, TimelineRef, TimelineRow};

/// A timeline as the script gives it: number, name, labels, times of its beginning and last receipt, revision, whether it is
/// superseded and when it is given up, first and last moment, events, running, failed.
type Row = (
    u32,
    Option<String>,
    String,
    String,
    String,
    u64,
    (bool, Option<u32>),
    Option<String>,
    Option<String>,
    u64,
    u64,
    u64,
);

impl Redis {
    pub(super) async fn read_contexts(&self, after: &str, limit: u32) -> Result<Vec<ContextRow>> {
        let rows: Vec<(String, String, u32, Option<u32>)> =
            self.server.run(self.reading.arg("contexts").arg(after).arg(limit)).await?;
        let row = |(name, created_at, latest, abandon_after_s): (_, String, _, _)| {
            Ok(ContextRow { name, created_at: time_of(&created_at)?, latest, abandon_after_s })
        };
        rows.into_iter().map(row).collect()
    }

    pub(super) async fn read_context(&self, name: &str) -> Result<Option<ContextRow>> {
        let mut get = cmd("HMGET");
        get.arg(of_context(name, "context")).arg(&["created_at", "latest", "abandon_after_s"]);
        let (created_at, latest, abandon_after_s): (Option<String>, Option<u32>, _) = self.server.command(&get).await?;
        let Some(created_at) = created_at else { return Ok(None) };
        Ok(Some(ContextRow {
            name: name.to_owned(),
            created_at: time_of(&created_at)?,
            latest: latest.unwrap_or_default(),
            abandon_after_s,
        }))
    }

    pub(super) async fn read_timelines(
        &self,
        context: &str,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<TimelineRow>> {
        let from = before.map_or("+inf".to_owned(), |before| format!("({before}"));
        let rows: Vec<Row> = self.server.run(self.reading.arg("timelines").arg(context).arg(from).arg(limit)).await?;
        rows.into_iter().map(|row| timeline_row(context, row)).collect()
    }

    pub(super) async fn read_timeline(&self, context: &str, which: &TimelineRef) -> Result<Option<TimelineRow>> {
        let mut call = match which {
            TimelineRef::Number(_) => self.reading.arg("numbered"),
            TimelineRef::Latest => self.reading.arg("timelines"),
            TimelineRef::Name(_) => self.reading.arg("named"),
        };
        call.arg(context);
        match which {
            TimelineRef::Number(number) => call.arg(number),
            TimelineRef::Latest => call.arg("+inf").arg(1),
            TimelineRef::Name(name) => call.arg(name),
        };
        let rows: Vec<Row> = self.server.run(&call).await?;
        rows.into_iter().next().map(|row| timeline_row(context, row)).transpose()
    }

    pub(super) async fn read_events(
        &self,
        timeline: &TimelineKey,
        after: Option<&EventKey>,
        limit: u32,
    ) -> Result<Vec<(EventKey, Event)>> {
        let after = after.map_or(Ok(String::new()), key)?;
        let mut call = self.reading.arg("events");
        call.arg(&timeline.context).arg(timeline.number).arg(after).arg(limit);
        let (keys, events): (Vec<String>, Vec<String>) = self.server.run(&call).await?;
        keys.iter().zip(&events).map(|(key, event)| Ok((key_of(key)?, event_of(event)?))).collect()
    }

    pub(super) async fn read_event(&self, timeline: &TimelineKey, event: &EventKey) -> Result<Option<Event>> {
        let events = of_context(&timeline.context, format_args!("{}:events", timeline.number));
        let found: Option<String> = self.server.command(cmd("HGET").arg(events).arg(key(event)?)).await?;
        found.map(|text| event_of(&text)).transpose()
    }

    pub(super) async fn read_revision(&self, timeline: &TimelineKey) -> Result<Option<u64>> {
        let row = of_context(&timeline.context, timeline.number);
        self.server.command(cmd("HGET").arg(row).arg("revision")).await
    }
}

fn timeline_row(context: &str, row: Row) -> Result<TimelineRow> {
    let (
        number,
        name,
        labels,
        created_at,
        received_at,
        revision,
        (superseded, abandon_after_s),
        first,
        last,
        events,
        running,
        failed,
    ) = row;
    Ok(TimelineRow {
        key: TimelineKey { context: context.to_owned(), number },
        name,
        labels: LabelText::from_stored(labels),
        created_at: time_of(&created_at)?,
        received_at: time_of(&received_at)?,
        revision,
        superseded,
        abandon_after_s,
        first: first.as_deref().map(time_of).transpose()?,
        last: last.as_deref().map(time_of).transpose()?,
        events,
        running,
        failed,
    })
}
