//! Reports and outcomes across the border.

use upto_wire::{Kind, Labels, Report, Status, Time, WireError, limits};

use super::bindings::upto::transform::types::{self, Absent};
use crate::transform::{Changes, Failure, FailureCause, Outcome, budget};

/// A batch in the columns of the contract, so that each is copied at once. Texts that stand in the same place of the
/// report before are not repeated.
pub(super) struct Batch {
    texts: Vec<u8>,
    offsets: Vec<u32>,
    label_sets: Vec<Vec<(u32, u32)>>,
    contexts: Vec<u32>,
    names: Vec<u32>,
    kinds: Vec<types::Kind>,
    times: Vec<i64>,
    hosts: Vec<u32>,
    timelines: Vec<u32>,
    statuses: Vec<Option<types::Status>>,
    labels: Vec<u32>,
}

/// A report without a time has this one.
const NO_TIME: i64 = -1;

impl Batch {
    pub(super) fn of(reports: &[Report<'_>]) -> Self {
        // The first text is empty and the first labels are none: what is before the first report.
        let mut batch = Batch {
            texts: Vec::with_capacity(reports.iter().map(|report| report.name.len() + 1).sum()),
            offsets: vec![0, 0],
            label_sets: vec![Vec::new()],
            contexts: Vec::with_capacity(reports.len()),
            names: Vec::with_capacity(reports.len()),
            kinds: reports.iter().map(|report| kind_in(report.kind)).collect(),
            times: reports.iter().map(|report| report.time.map_or(NO_TIME, Time::micros)).collect(),
            hosts: Vec::with_capacity(reports.len()),
            timelines: Vec::with_capacity(reports.len()),
            statuses: reports.iter().map(|report| report.status.map(status_in)).collect(),
            labels: Vec::with_capacity(reports.len()),
        };
        let (mut context, mut name, mut host, mut timeline) = (0, 0, 0, 0);
        for report in reports {
            context = batch.text(&report.context, context);
            name = batch.text(&report.name, name);
            host = batch.text(&report.host, host);
            timeline = batch.text(report.timeline.as_deref().unwrap_or_default(), timeline);
            let labels = batch.labels(&report.labels);
            batch.contexts.push(context);
            batch.names.push(name);
            batch.hosts.push(host);
            batch.timelines.push(timeline);
            batch.labels.push(labels);
        }
        batch
    }

    /// Calls what is to be given the batch.
    pub(super) fn lend<T>(&self, call: impl FnOnce(types::Batch<'_>) -> T) -> T {
        let label_sets: Vec<&[(u32, u32)]> = self.label_sets.iter().map(Vec::as_slice).collect();
        call(types::Batch {
            texts: &self.texts,
            offsets: &self.offsets,
            label_sets: &label_sets,
            contexts: &self.contexts,
            names: &self.names,
            kinds: &self.kinds,
            times: &self.times,
            hosts: &self.hosts,
            timelines: &self.timelines,
            statuses: &self.statuses,
            labels: &self.labels,
        })
    }

    /// The index of a text, which may be the one at `before`.
    fn text(&mut self, text: &str, before: u32) -> u32 {
        if self.is(before, text) {
            return before;
        }
        if text.is_empty() {
            return 0;
        }
        self.texts.extend_from_slice(text.as_bytes());
        self.offsets.push(self.texts.len() as u32);
        self.offsets.len() as u32 - 2
    }

    fn is(&self, index: u32, text: &str) -> bool {
        let (from, to) = (self.offsets[index as usize] as usize, self.offsets[index as usize + 1] as usize);
        &self.texts[from..to] == text.as_bytes()
    }

    /// The index of labels, which may be the last.
    fn labels(&mut self, labels: &Labels<'_>) -> u32 {
        if labels.is_empty() {
            return 0;
        }
        let last = self.label_sets.len() - 1;
        let set = &self.label_sets[last];
        let same = set.len() == labels.len()
            && set.iter().zip(labels.iter()).all(|(set, (key, value))| self.is(set.0, key) && self.is(set.1, value));
        if !same {
            let mut coded = Vec::with_capacity(labels.len());
            for (at, (key, value)) in labels.iter().enumerate() {
                let before = self.label_sets[last].get(at).copied().unwrap_or_default();
                coded.push((self.text(key, before.0), self.text(value, before.1)));
            }
            self.label_sets.push(coded);
        }
        self.label_sets.len() as u32 - 1
    }
}

/// What the guest made of a report, checked.
pub(super) fn outcome(outcome: types::Outcome, original: &Report<'_>) -> Outcome {
    match outcome {
        types::Outcome::Keep => Outcome::Keep,
        types::Outcome::Drop => Outcome::Drop,
        types::Outcome::Fail(message) => Outcome::Fail(Failure::new(FailureCause::Error, message)),
        types::Outcome::Change(made) => {
            let outcome = changes(made).and_then(|changes| changes.outcome(original).map_err(no_report));
            outcome.unwrap_or_else(Outcome::Fail)
        }
        // As a list without reports in Lua.
        types::Outcome::Expand(several) if several.is_empty() => Outcome::Drop,
        types::Outcome::Expand(several) if several.len() > budget::OUTPUT_REPORTS => {
            let message =
                format!("it made {} reports of one; at most {} are allowed", several.len(), budget::OUTPUT_REPORTS);
            Outcome::Fail(Failure::new(FailureCause::Output, message))
        }
        types::Outcome::Expand(several) => {
            let report = |made| checked(changes(made)?.apply(original.clone()).into_owned());
            several.into_iter().map(report).collect::<Result<_, _>>().map_or_else(Outcome::Fail, Outcome::Expand)
        }
    }
}

fn changes(made: types::Changes) -> Result<Changes, Failure> {
    let without = |absent| made.without.contains(absent);
    Ok(Changes {
        context: made.context,
        name: made.name,
        kind: made.kind.map(kind_out),
        time: if without(Absent::TIME) { Some(None) } else { made.time.map(time).transpose()?.map(Some) },
        host: made.host,
        timeline: made.timeline.map(Some),
        status: if without(Absent::STATUS) { Some(None) } else { made.status.map(status_out).map(Some) },
        labels: made.labels.map(labels).transpose()?,
    })
}

/// A report that a guest made, if it is one.
pub(super) fn checked(mut report: Report<'static>) -> Result<Report<'static>, Failure> {
    report.check().map_err(no_report)?;
    Ok(report)
}

fn no_report(error: WireError) -> Failure {
    refused(format!("the result is no report: {error}"))
}

/// The labels of a report. What is refused in the end is not sorted first.
pub(super) fn labels(made: Vec<(String, String)>) -> Result<Labels<'static>, Failure> {
    match made.len() > limits::LABELS {
        true => Err(refused(format!("it has {} labels; a report has at most {}", made.len(), limits::LABELS))),
        false => Ok(made.into_iter().collect()),
    }
}

fn refused(message: String) -> Failure {
    Failure::new(FailureCause::Output, message)
}

pub(super) fn time(micros: i64) -> Result<Time, Failure> {
    /// 2262-01-01T00:00:00Z.
    const END: i64 = 9_214_646_400_000_000;
    match (0..END).contains(&micros) {
        true => Ok(Time::from_micros(micros)),
        false => Err(refused(format!("time is {micros} µs since 1970; it must be within the years 1970 to 2261"))),
    }
}

fn kind_in(kind: Kind) -> types::Kind {
    match kind {
        Kind::Start => types::Kind::Start,
        Kind::End => types::Kind::End,
        Kind::Point => types::Kind::Point,
        Kind::New => types::Kind::New,
    }
}

pub(super) fn kind_out(kind: types::Kind) -> Kind {
    match kind {
        types::Kind::Start => Kind::Start,
        types::Kind::End => Kind::End,
        types::Kind::Point => Kind::Point,
        types::Kind::New => Kind::New,
    }
}

fn status_in(status: Status) -> types::Status {
    match status {
        Status::Skipped => types::Status::Skipped,
        Status::Success => types::Status::Success,
        Status::Cancelled => types::Status::Cancelled,
        Status::Timeout => types::Status::Timeout,
        Status::Failure => types::Status::Failure,
        Status::Error => types::Status::Error,
    }
}

pub(super) fn status_out(status: types::Status) -> Status {
    match status {
        types::Status::Skipped => Status::Skipped,
        types::Status::Success => Status::Success,
        types::Status::Cancelled => Status::Cancelled,
        types::Status::Timeout => Status::Timeout,
        types::Status::Failure => Status::Failure,
        types::Status::Error => Status::Error,
    }
}
