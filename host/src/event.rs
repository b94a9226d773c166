//! Events and the one rule by which reports make them. Pure: no I/O, no clock.
//!
//! An event's state is a join: merging is commutative, associative and idempotent, so the order, the duplicates and the
//! batching of reports make no difference, nor does it matter which instance took them. Every store does what
//! [`Event::merge`] does, in its own language; the conformance suite holds them to it.

use std::cmp::Ordering;
use std::sync::Arc;

use upto_wire::{Kind, Labels, Report, Status, Time};

/// Labels as compact JSON with the keys in byte order, empty where there are none. Being canonical, equal sets are
/// equal text, and "the greater set" is the greater text by bytes in every store.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelText(String);

impl LabelText {
    /// The text of a report's labels.
    pub fn of(labels: &Labels<'_>) -> Self {
        match labels.is_empty() {
            true => LabelText::default(),
            // A map of text to text always has a JSON form.
            false => LabelText(serde_json::to_string(labels).unwrap_or_default()),
        }
    }

    /// What a store kept: text that [`LabelText::as_str`] gave.
    pub fn from_stored(text: String) -> Self {
        LabelText(text)
    }

    /// Compact JSON, or empty.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels again. Text that is no JSON object reads as no labels.
    pub fn labels(&self) -> Labels<'static> {
        let pairs: std::collections::BTreeMap<String, String> = serde_json::from_str(&self.0).unwrap_or_default();
        pairs.into_iter().collect()
    }
}

/// Which functions made or changed a report, each as `function@version`, in the order in which they did. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FunctionSet(Option<Arc<str>>);

impl FunctionSet {
    /// From its text: the functions with single spaces between, or empty for none.
    pub fn from_text(text: &str) -> Self {
        FunctionSet((!text.is_empty()).then(|| text.into()))
    }

    /// Its text, such as `rename@3 hosts@1`.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// These, and then others: each once.
    pub fn then(&self, others: FunctionSet) -> FunctionSet {
        match (&self.0, &others.0) {
            (None, _) => others,
            (_, None) => self.clone(),
            _ => {
                let new = others.iter().filter(|other| self.iter().all(|one| one != *other));
                FunctionSet::from_text(&self.iter().chain(new).collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// The functions, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.as_str().split_terminator(' ')
    }
}

/// The starts of an event, as far as they matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starts {
    /// The earliest start.
    pub first: Time,
    /// The latest start: later than `first` where the step was tried again.
    pub last: Time,
    /// The labels of the earliest start.
    pub labels: LabelText,
}

/// The end that counts. The order of the fields is the order of finishes, and the greatest one is kept: an end beats a
/// point, the later the earlier, then the status and the labels decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finish {
    /// An end; false for a point.
    pub is_end: bool,
    /// When.
    pub at: Time,
    /// How, where it was said.
    pub status: Option<Status>,
    /// The labels that came with it.
    pub labels: LabelText,
}

/// What reports say about one step of one timeline. Its identity, [`EventKey`], is kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its starts, if any came.
    pub starts: Option<Starts>,
    /// The greatest of its ends and points, if any came.
    pub finish: Option<Finish>,
    /// Which functions made or changed the report that tells its finish or, while there is none, its earliest start. Of reports
    /// that say the same it is the one that came first.
    pub functions: FunctionSet,
}

/// Which event of a timeline: its name and its host (empty for none). Ordered by bytes, name first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// Dotted path.
    pub name: String,
    /// Host, or empty.
    pub host: String,
}

impl Event {
    /// What one report says that no function changed. `received` is its time where it gives none. A new-timeline report
    /// says nothing of events.
    pub fn of_report(report: &Report<'_>, received: Time) -> Self {
        let at = report.time.unwrap_or(received);
        let labels = || LabelText::of(&report.labels);
        let (starts, finish) = match report.kind {
            Kind::Start => (Some(Starts { first: at, last: at, labels: labels() }), None),
            Kind::End | Kind::Point => {
                let is_end = report.kind == Kind::End;
                (None, Some(Finish { is_end, at, status: report.status, labels: labels() }))
            }
            Kind::New => (None, None),
        };
        Event { starts, finish, functions: FunctionSet::default() }
    }

    /// Takes in what other reports said: the merge rule.
    pub fn merge(&mut self, other: Event) {
        if other.tells_before(self) {
            self.functions = other.functions;
        }
        match (&mut self.starts, other.starts) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        // None is less than any finish.
        if other.finish > self.finish {
            self.finish = other.finish;
        }
    }

    /// Whether its functions are kept, and not those of `other`, where the two are merged.
    fn tells_before(&self, other: &Event) -> bool {
        match self.finish.cmp(&other.finish) {
            Ordering::Equal if self.finish.is_none() => match (&self.starts, &other.starts) {
                (Some(mine), Some(theirs)) => mine.is_before(theirs),
                (mine, _) => mine.is_some(),
            },
            order => order == Ordering::Greater,
        }
    }

    /// Bytes of label text that it holds.
    pub fn label_bytes(&self) -> usize {
        let starts = self.starts.as_ref().map_or(0, |starts| starts.labels.0.len());
        starts + self.finish.as_ref().map_or(0, |finish| finish.labels.0.len())
    }

    /// Whether it has no duration: only points came.
    pub fn is_point(&self) -> bool {
        self.starts.is_none() && self.finish.as_ref().is_some_and(|finish| !finish.is_end)
    }

    /// The end that counts; a point is none for an event that started.
    pub fn end(&self) -> Option<&Finish> {
        self.finish.as_ref().filter(|finish| finish.is_end || self.starts.is_none())
    }

    /// Whether it has an end and no start.
    pub fn is_end_alone(&self) -> bool {
        self.starts.is_none() && self.finish.as_ref().is_some_and(|finish| finish.is_end)
    }

    /// Whether it has a start and no end, or started again after its latest end.
    pub fn is_running(&self) -> bool {
        self.starts.as_ref().is_some_and(|starts| self.end().is_none_or(|end| starts.last > end.at))
    }

    /// The earliest start; for a point, its time.
    pub fn started_at(&self) -> Option<Time> {
        match &self.starts {
            Some(starts) => Some(starts.first),
            None => self.finish.as_ref().filter(|finish| !finish.is_end).map(|finish| finish.at),
        }
    }

    /// The latest start where it is not the earliest one too.
    pub fn restarted_at(&self) -> Option<Time> {
        self.starts.as_ref().filter(|starts| starts.last != starts.first).map(|starts| starts.last)
    }

    /// The latest end; for a point, its time. An end before a later restart is still told.
    pub fn ended_at(&self) -> Option<Time> {
        self.end().map(|end| end.at)
    }

    /// The status of the latest end or point; none while it runs again.
    pub fn status(&self) -> Option<Status> {
        if self.is_running() { None } else { self.end().and_then(|end| end.status) }
    }

    /// Seconds from the earliest start to the latest end, never negative; `None` while it runs or where either is unknown.
    pub fn duration_s(&self) -> Option<f64> {
        if self.is_running() {
            return None;
        }
        Some(self.ended_at()?.seconds_since(self.started_at()?).max(0.0))
    }

    /// Union of the labels of the earliest start and of the latest end; where both have a key, the end's wins.
    pub fn labels(&self) -> Labels<'static> {
        let mut labels = self.starts.as_ref().map(|starts| starts.labels.labels()).unwrap_or_default();
        if let Some(end) = self.end() {
            for (key, value) in end.labels.labels().iter() {
                labels.set(key.to_owned(), value.to_owned());
            }
        }
        labels
    }

    /// The earliest moment it tells of.
    pub fn first(&self) -> Option<Time> {
        self.started_at().or(self.ended_at())
    }

    /// The latest moment it tells of.
    pub fn last(&self) -> Option<Time> {
        self.starts.as_ref().map(|starts| starts.last).max(self.ended_at())
    }

    /// Its state, given whether its timeline may still be heard of.
    pub fn state(&self, liveness: Liveness) -> EventState {
        if self.is_running() {
            return match liveness {
                Liveness::Alive => EventState::Running,
                Liveness::GivenUp => EventState::Unfinished,
            };
        }
        match self.end() {
            Some(end) if end.status.is_some_and(Status::is_failed) => EventState::Failed,
            Some(_) if self.is_end_alone() => EventState::Waiting,
            _ => EventState::Ended,
        }
    }
}

impl Starts {
    /// Whether its earliest start is the one that counts: the earlier, of equal times that with the greater labels.
    fn is_before(&self, other: &Starts) -> bool {
        self.first.cmp(&other.first).then_with(|| other.labels.cmp(&self.labels)) == Ordering::Less
    }

    fn merge(&mut self, other: Starts) {
        self.last = self.last.max(other.last);
        if other.is_before(self) {
            (self.first, self.labels) = (other.first, other.labels);
        }
    }
}

/// The states that are shown. Computed when read, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventState {
    /// It ended; its start has not come (yet).
    Waiting,
    /// It has started and not ended.
    Running,
    /// It ended well, or nobody said how.
    Ended,
    /// It ended with failure, error or timeout.
    Failed,
    /// It never ended, and its timeline is over.
    Unfinished,
}

impl EventState {
    /// The word in the API, the views and the page.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventState::Waiting => "waiting",
            EventState::Running => "running",
            EventState::Ended => "ended",
            EventState::Failed => "failed",
            EventState::Unfinished => "unfinished",
        }
    }
}

/// Whether more is expected of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Reports may still come.
    Alive,
    /// It was superseded or silent for too long: what still runs is unfinished.
    GivenUp,
}

/// A superseded timeline that received nothing for so long is given up.
pub const SUPERSEDED_SILENCE_S: u32 = 600;
/// A timeline that received nothing for so long is given up, where its context says nothing else.
pub const ABANDON_AFTER_S: u32 = 24 * 3_600;

impl Liveness {
    /// Of a timeline that last received a report at `received`, and whose context says when to give it up, or does not.
    pub fn of(superseded: bool, abandon_after_s: Option<u32>, received: Time, now: Time) -> Self {
        let abandon_after_s = abandon_after_s.unwrap_or(ABANDON_AFTER_S);
        let patience_s = if superseded { abandon_after_s.min(SUPERSEDED_SILENCE_S) } else { abandon_after_s };
        match (now.micros() - received.micros()) / 1_000_000 >= i64::from(patience_s) {
            true => Liveness::GivenUp,
            false => Liveness::Alive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_made_and_changed_an_event_stand_once_each() {
        let set = FunctionSet::from_text;
        assert_eq!(set("").then(set("a@1 b")), set("a@1 b"));
        assert_eq!(set("a@1").then(set("")), set("a@1"));
        assert_eq!(set("hook@1").then(set("a@2 hook@1 b")), set("hook@1 a@2 b"));
    }
}
