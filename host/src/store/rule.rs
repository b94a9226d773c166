//! The merge rule and the questions about events in SQL, in words that SQLite and Postgres both understand, so that
//! there is one text of it. It says what `event.rs` says; the conformance suite compares the two.
//!
//! In a row `e`, `started_at` is the earliest start and `restarted_at` the latest, NULL where they are the same.
//! `ended_at` is the finish (NULL for none), `is_point` says of which kind, `status` is its rank (0 where not said).
//! Labels are canonical text, empty for none. `functions` is the id of a set, 0 for none.

use upto_wire::{Status, Time};

use crate::event::{Event, Finish, FunctionSet, LabelText, Starts};

/// Whether `e` runs. Never NULL.
macro_rules! running {
    () => {
        "(e.started_at IS NOT NULL AND (e.ended_at IS NULL OR e.is_point \
          OR coalesce(e.restarted_at, e.started_at) > e.ended_at))"
    };
}

/// Whether `e` failed: timeout, failure and error have the ranks from 4 on.
macro_rules! failed {
    () => {
        concat!("(e.status >= 4 AND NOT ", $crate::store::rule::running!(), ")")
    };
}

/// The earliest moment of `e`.
macro_rules! first {
    () => {
        "coalesce(e.started_at, e.ended_at)"
    };
}

/// The latest moment of `e`. A point is none for an event that started.
macro_rules! last {
    () => {
        "CASE WHEN e.started_at IS NULL OR (NOT e.is_point \
                AND e.ended_at > coalesce(e.restarted_at, e.started_at)) THEN e.ended_at \
              ELSE coalesce(e.restarted_at, e.started_at) END"
    };
}

/// Whether the earliest start of `excluded` (the row that comes) counts, and not that of `e`.
macro_rules! first_gains {
    () => {
        "(excluded.started_at IS NOT NULL AND (e.started_at IS NULL \
           OR excluded.started_at < e.started_at \
           OR (excluded.started_at = e.started_at AND excluded.start_labels > e.start_labels)))"
    };
}

/// Whether the starts of `excluded` say more than those of `e`.
macro_rules! starts_gain {
    () => {
        concat!(
            "(",
            $crate::store::rule::first_gains!(),
            " OR coalesce(excluded.restarted_at, excluded.started_at) > coalesce(e.restarted_at, e.started_at))"
        )
    };
}

/// Whether the finish of `excluded` is greater than that of `e`.
macro_rules! finish_gains {
    () => {
        "(excluded.ended_at IS NOT NULL AND (e.ended_at IS NULL \
           OR (NOT excluded.is_point, excluded.ended_at, excluded.status, excluded.end_labels) \
            > (NOT e.is_point, e.ended_at, e.status, e.end_labels)))"
    };
}

/// What follows `INSERT INTO events AS e …`: the merge of the row that comes with the one that is there. A row that would
/// not change is not written: a duplicate costs a look-up and leaves no dead row behind.
macro_rules! merge {
    () => {
        concat!(
            " ON CONFLICT (context_id, timeline, name_id, host_id) DO UPDATE SET \
               started_at = CASE WHEN e.started_at IS NULL OR excluded.started_at < e.started_at \
                                 THEN excluded.started_at ELSE e.started_at END, \
               restarted_at = nullif( \
                 CASE WHEN e.started_at IS NULL \
                        OR coalesce(excluded.restarted_at, excluded.started_at) > coalesce(e.restarted_at, e.started_at) \
                      THEN coalesce(excluded.restarted_at, excluded.started_at) \
                      ELSE coalesce(e.restarted_at, e.started_at) END, \
                 CASE WHEN e.started_at IS NULL OR excluded.started_at < e.started_at \
                      THEN excluded.started_at ELSE e.started_at END), \
               start_labels = CASE WHEN ", $crate::store::rule::first_gains!(), " \
                                   THEN excluded.start_labels ELSE e.start_labels END, \
               functions = CASE WHEN ", $crate::store::rule::finish_gains!(), " \
                                  OR (e.ended_at IS NULL AND ", $crate::store::rule::first_gains!(), ") \
                                THEN excluded.functions ELSE e.functions END, \
               ended_at = CASE WHEN ", $crate::store::rule::finish_gains!(), " THEN excluded.ended_at ELSE e.ended_at END, \
               is_point = CASE WHEN ", $crate::store::rule::finish_gains!(), " THEN excluded.is_point ELSE e.is_point END, \
               status = CASE WHEN ", $crate::store::rule::finish_gains!(), " THEN excluded.status ELSE e.status END, \
               end_labels = CASE WHEN ", $crate::store::rule::finish_gains!(), " THEN excluded.end_labels ELSE e.end_labels END \
             WHERE ", $crate::store::rule::starts_gain!(), " OR ", $crate::store::rule::finish_gains!()
        )
    };
}

pub(crate) use {failed, finish_gains, first, first_gains, last, merge, running, starts_gain};

/// An event in the columns of the table, times in microseconds. Its functions are beside it: a store keeps their id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns<'a> {
    pub started_at: Option<Time>,
    pub restarted_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub is_point: bool,
    pub status: i16,
    pub start_labels: &'a str,
    pub end_labels: &'a str,
}

impl<'a> Columns<'a> {
    /// The columns for an event.
    pub fn of(event: &'a Event) -> Self {
        let (starts, finish) = (event.starts.as_ref(), event.finish.as_ref());
        Columns {
            started_at: starts.map(|starts| starts.first),
            restarted_at: event.restarted_at(),
            ended_at: finish.map(|finish| finish.at),
            is_point: finish.is_some_and(|finish| !finish.is_end),
            status: finish.and_then(|finish| finish.status).map_or(0, rank),
            start_labels: starts.map_or("", |starts| starts.labels.as_str()),
            end_labels: finish.map_or("", |finish| finish.labels.as_str()),
        }
    }

    /// The event again, given the text of its functions.
    pub fn event(&self, functions: &str) -> Event {
        let labels = |text: &str| LabelText::from_stored(text.to_owned());
        Event {
            starts: self.started_at.map(|first| Starts {
                first,
                last: self.restarted_at.unwrap_or(first),
                labels: labels(self.start_labels),
            }),
            finish: self.ended_at.map(|at| Finish {
                is_end: !self.is_point,
                at,
                status: status_of(self.status),
                labels: labels(self.end_labels),
            }),
            functions: FunctionSet::from_text(functions),
        }
    }
}

/// A status as it is stored: its place in [`Status::ALL`], from 1.
fn rank(status: Status) -> i16 {
    status as i16 + 1
}

fn status_of(rank: i16) -> Option<Status> {
    Status::ALL.into_iter().find(|status| self::rank(*status) == rank)
}
