//! Reports and outcomes across the border. What goes in is borrowed, so that text is copied once, into the guest.

use upto_wire::{Kind, Labels, Report, Status, Time, WireError, limits};

use super::bindings::upto::transform::types::{self, Absent};
use crate::transform::{Changes, Failure, FailureCause, Outcome, budget};

/// A batch as the guest is given it. To hand over a text costs a call of the guest's allocator, so those that stand in
/// the same place of the report before are not repeated.
pub(super) struct Batch<'a> {
    pub(super) texts: Vec<&'a str>,
    pub(super) labels: Vec<Vec<(u32, u32)>>,
    pub(super) reports: Vec<types::Report>,
}

impl<'a> Batch<'a> {
    pub(super) fn of(reports: &'a [Report<'_>]) -> Self {
        // The first text is empty and the first report has no labels: what is before the first report.
        let mut batch = Batch { texts: vec![""], labels: vec![Vec::new()], reports: Vec::with_capacity(reports.len()) };
        let (mut context, mut name, mut host, mut timeline) = (0, 0, 0, 0);
        for report in reports {
            context = batch.text(&report.context, context);
            name = batch.text(&report.name, name);
            host = batch.text(&report.host, host);
            timeline = report.timeline.as_deref().map_or(timeline, |text| batch.text(text, timeline));
            let labels = batch.labels(&report.labels);
            batch.reports.push(types::Report {
                context,
                name,
                kind: kind_in(report.kind),
                time: report.time.map(Time::micros),
                host,
                timeline: report.timeline.as_ref().map(|_| timeline),
                status: report.status.map(status_in),
                labels,
            });
        }
        batch
    }

    /// The index of a text, which may be the one at `before`.
    fn text(&mut self, text: &'a str, before: u32) -> u32 {
        if self.texts[before as usize] == text {
            return before;
        }
        self.texts.push(text);
        self.texts.len() as u32 - 1
    }

    /// The index of labels, which may be the last.
    fn labels(&mut self, labels: &'a Labels<'_>) -> u32 {
        if labels.is_empty() {
            return 0;
        }
        let last = self.labels.len() - 1;
        let text = |index: u32| self.texts[index as usize];
        let same = self.labels[last].iter().map(|(key, value)| (text(*key), text(*value))).eq(labels.iter());
        if !same {
            let mut coded = Vec::with_capacity(labels.len());
            for (at, (key, value)) in labels.iter().enumerate() {
                let before = self.labels[last].get(at).copied().unwrap_or_default();
                coded.push((self.text(key, before.0), self.text(value, before.1)));
            }
            self.labels.push(coded);
        }
        self.labels.len() as u32 - 1
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
