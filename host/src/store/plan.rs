//! From a batch to the rows of one statement. Pure: the stores bring the ids and the numbers of timelines.

use std::borrow::Cow;
use std::collections::HashMap;

use upto_wire::Time;

use super::{Batch, Change, LOOK_BACK, Target};
use crate::event::Event;

/// The primary key of an event. Its order is the order in which every writer locks rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RowKey {
    pub context: i32,
    pub timeline: i32,
    pub name: i32,
    pub host: i32,
}

/// When a timeline begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    /// As the report says.
    pub at: Time,
    /// When the report was received.
    pub received: Time,
}

impl Begin {
    /// For a timeline that is made because reports mean it.
    pub fn on_receipt(received: Time) -> Self {
        Begin { at: received, received }
    }
}

/// A step in whatever timeline: context, name and host.
pub(super) type StepKey = (i32, i32, i32);

impl RowKey {
    /// The same step in any timeline.
    pub fn step(&self) -> StepKey {
        (self.context, self.name, self.host)
    }
}

/// A row to be merged into the store.
pub(super) type Row<'a> = (RowKey, Cow<'a, Event>);

/// Changes of a batch that mean the same timeline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    pub context: &'a str,
    pub target: &'a Target,
    pub changes: &'a [Change],
}

/// The changes by context and target, in the order of the batch.
pub(super) fn groups(batch: &Batch) -> impl Iterator<Item = Group<'_>> {
    batch.changes.chunk_by(|a, b| a.context == b.context && a.target == b.target).map(|changes| Group {
        context: &changes[0].context,
        target: &changes[0].target,
        changes,
    })
}

/// The numbers that are looked at for the event of a stray end, other than the newest itself.
pub(super) fn older_than(newest: i32) -> std::ops::Range<i32> {
    (newest - LOOK_BACK as i32 + 1).max(1)..newest
}

/// The rows of a batch, before and after its stray ends have found their timelines.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    rows: Vec<(RowKey, &'a Event)>,
    /// Which rows are stray ends: those without a start beside them, that may belong to an older timeline.
    strays: Vec<usize>,
    /// The newest timeline that this batch names and in which it has the step running.
    begun: HashMap<StepKey, i32>,
}

impl<'a> Plan<'a> {
    /// Adds a change that means the timeline of `key`: by its name, or as the newest of its context.
    pub fn add(&mut self, key: RowKey, target: &Target, event: &'a Event) {
        match target {
            Target::Active if key.timeline > 1 && event.is_end_alone() => self.strays.push(self.rows.len()),
            Target::Named(_) if event.is_running() => {
                let newest = self.begun.entry(key.step()).or_insert(key.timeline);
                *newest = key.timeline.max(*newest);
            }
            _ => {}
        }
        self.rows.push((key, event));
    }

    /// The stray ends, whose `timeline` is the newest of their context, and their times.
    pub fn strays(&self) -> impl ExactSizeIterator<Item = (RowKey, Time)> {
        let stray = |row: &usize| {
            let (key, event) = self.rows[*row];
            // A stray end has an end.
            (key, event.ended_at().unwrap_or_default())
        };
        self.strays.iter().map(stray)
    }

    /// Moves stray ends to where their events run: `stored` has, for each of [`Plan::strays`], the newest timeline in which
    /// the store has it running, or has this very end. Starts that name a timeline in this batch count too; a start in the
    /// active one does not, as it came after the stray end: else they were one change.
    pub fn place_strays(&mut self, stored: &[Option<i32>]) {
        for (stray, stored) in self.strays.drain(..).zip(stored) {
            let key = &mut self.rows[stray].0;
            let begun = self.begun.get(&key.step()).copied();
            let in_sight = begun.filter(|begun| *begun == key.timeline || older_than(key.timeline).contains(begun));
            key.timeline = in_sight.max(*stored).unwrap_or(key.timeline);
        }
    }

    /// The rows in key order, each key once: a statement must not meet a row twice, and all writers lock in one order.
    pub fn into_rows(self) -> Vec<Row<'a>> {
        let mut planned = self.rows;
        planned.sort_by_key(|(key, _)| *key);
        let mut rows: Vec<Row<'a>> = Vec::with_capacity(planned.len());
        for (key, event) in planned {
            match rows.last_mut() {
                Some((last, merged)) if *last == key => merged.to_mut().merge(event.clone()),
                _ => rows.push((key, Cow::Borrowed(event))),
            }
        }
        rows
    }
}

/// The timelines of rows in key order, each once.
pub(super) fn touched(rows: &[Row<'_>]) -> Vec<(i32, i32)> {
    let mut timelines: Vec<_> = rows.iter().map(|(key, _)| (key.context, key.timeline)).collect();
    timelines.dedup();
    timelines
}

#[cfg(test)]
mod tests {
    use upto_wire::{Kind, Report};

    use super::*;

    fn event(kind: Kind, at: i64) -> Event {
        Event::of_report(&Report::new(kind, "deploy", "db"), Time::from_micros(at))
    }

    fn key(timeline: i32) -> RowKey {
        RowKey { context: 1, timeline, name: 1, host: 0 }
    }

    fn named() -> Target {
        Target::Named("x".to_owned())
    }

    #[test]
    fn an_end_follows_a_start_of_the_same_batch() {
        let (start, end) = (event(Kind::Start, 1), event(Kind::End, 2));
        let mut plan = Plan::default();
        plan.add(key(20), &Target::Active, &end);
        plan.add(key(5), &named(), &start);
        assert_eq!(plan.strays().collect::<Vec<_>>(), [(key(20), Time::from_micros(2))]);
        plan.place_strays(&[None]);
        let rows = plan.into_rows();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].0, rows[0].1.ended_at()), (key(5), Some(Time::from_micros(2))));
    }

    #[test]
    fn starts_out_of_sight_do_not_count() {
        assert_eq!(older_than(20), 5..20);
        assert_eq!(older_than(1), 1..1);
        let (start, end) = (event(Kind::Start, 1), event(Kind::End, 2));
        let mut plan = Plan::default();
        plan.add(key(20), &Target::Active, &end);
        plan.add(key(4), &named(), &start);
        plan.place_strays(&[None]);
        assert_eq!(touched(&plan.into_rows()), [(1, 4), (1, 20)]);
    }

    #[test]
    fn the_newest_of_stored_and_begun_wins() {
        let (start, end) = (event(Kind::Start, 1), event(Kind::End, 2));
        let mut plan = Plan::default();
        plan.add(key(20), &Target::Active, &end);
        plan.add(key(7), &named(), &start);
        plan.place_strays(&[Some(9)]);
        assert_eq!(touched(&plan.into_rows()), [(1, 7), (1, 9)]);
    }
}
