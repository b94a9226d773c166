//! Analysis of runs. Pure: events in, values out; no I/O, no clock.

mod rows;

pub use rows::{Grouping, Row, RowKind, rows};

use upto_wire::Time;

use crate::event::{EventState, Liveness};
use crate::store::TimelineRow;

/// The state of a timeline as a whole at `now`: running while an event of it runs, failed if one failed, unfinished if
/// one never ended and the timeline is given up, waiting while it has no events.
pub fn state(timeline: &TimelineRow, now: Time) -> EventState {
    if timeline.running > 0 {
        return match liveness(timeline, now) {
            Liveness::Alive => EventState::Running,
            Liveness::GivenUp => EventState::Unfinished,
        };
    }
    match (timeline.events, timeline.failed) {
        (0, _) => EventState::Waiting,
        (_, 0) => EventState::Ended,
        _ => EventState::Failed,
    }
}

/// Whether more is expected of a timeline at `now`.
pub fn liveness(timeline: &TimelineRow, now: Time) -> Liveness {
    Liveness::of(timeline.superseded, timeline.received_at, now)
}
