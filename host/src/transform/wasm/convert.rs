//! Reports and outcomes across the border. What goes in is borrowed, so that text is copied once, into the guest.

use upto_wire::{Kind, Labels, Report, Status, Time, limits};

use super::bindings::upto::transform::types::{self, Absent, Changes};
use crate::transform::{Failure, FailureCause, Outcome, budget};

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
        types::Outcome::Change(changes) => match changed(changes, original) {
            Ok(report) => Outcome::Replace(Box::new(report)),
            Err(failure) => Outcome::Fail(failure),
        },
        // As a list without reports in Lua.
        types::Outcome::Expand(several) if several.is_empty() => Outcome::Drop,
        types::Outcome::Expand(several) if several.len() > budget::OUTPUT_REPORTS => {
            let message =
                format!("it made {} reports of one; at most {} are allowed", several.len(), budget::OUTPUT_REPORTS);
            Outcome::Fail(Failure::new(FailureCause::Output, message))
        }
        types::Outcome::Expand(several) => {
            match several.into_iter().map(|changes| changed(changes, original)).collect::<Result<Vec<_>, _>>() {
                Ok(reports) => Outcome::Expand(reports),
                Err(failure) => Outcome::Fail(failure),
            }
        }
    }
}

fn changed(changes: Changes, original: &Report<'_>) -> Result<Report<'static>, Failure> {
    let pick = |new: Option<String>, old: &str| new.unwrap_or_else(|| old.to_owned()).into();
    let time = changes.time.map(time).transpose()?.or(original.time);
    let status = changes.status.map(status_out).or(original.status);
    checked(Report {
        context: pick(changes.context, &original.context),
        name: pick(changes.name, &original.name),
        kind: changes.kind.map_or(original.kind, kind_out),
        time: time.filter(|_| !changes.without.contains(Absent::TIME)),
        host: pick(changes.host, &original.host),
        // Guests do not see it: whether the server fills the host is between it and the client.
        auto_ip: original.auto_ip,
        timeline: changes.timeline.or_else(|| original.timeline.as_deref().map(str::to_owned)).map(Into::into),
        status: status.filter(|_| !changes.without.contains(Absent::STATUS)),
        labels: match changes.labels {
            Some(made) => labels(made)?,
            None => original.labels.clone().into_owned(),
        },
    })
}

/// A report that a guest made, if it is one.
pub(super) fn checked(mut report: Report<'static>) -> Result<Report<'static>, Failure> {
    report.check().map_err(|error| refused(format!("the result is no report: {error}")))?;
    Ok(report)
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
