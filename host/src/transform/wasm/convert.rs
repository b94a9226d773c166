//! Reports and outcomes across the border.

use upto_wire::{Kind, Labels, Report, Status, Time, WireError, limits};

use super::bindings::upto::transform::types::{self, Absent};
use crate::transform::{Changes, Failure, FailureCause, Outcome, budget};

/// A batch in the columns of the contract, so that each is copied at once. Texts that stand in the same place of the
/// report before are not repeated.
pub(super) struct Batch {
    texts: Texts,
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
        let mut batch = Batch {
            texts: Texts::with_capacity(reports.iter().map(|report| report.name.len() + 1).sum()),
            // The first labels are none.
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
        let [mut context, mut name, mut host, mut timeline] = <[Last<'_>; 4]>::default();
        let mut labels = Vec::new();
        for report in reports {
            batch.contexts.push(context.or_new(&report.context, &mut batch.texts));
            batch.names.push(name.or_new(&report.name, &mut batch.texts));
            batch.hosts.push(host.or_new(&report.host, &mut batch.texts));
            batch.timelines.push(timeline.or_new(report.timeline.as_deref().unwrap_or_default(), &mut batch.texts));
            let set = batch.label_set(&report.labels, &mut labels);
            batch.labels.push(set);
        }
        batch
    }

    /// The index of labels, which may be the last.
    fn label_set<'a>(&mut self, labels: &'a Labels<'_>, last: &mut Vec<(Last<'a>, Last<'a>)>) -> u32 {
        if labels.is_empty() {
            return 0;
        }
        let mut pairs = last.iter().zip(labels.iter());
        let same = last.len() == labels.len() && pairs.all(|(last, new)| (last.0.text, last.1.text) == new);
        if !same {
            last.resize(labels.len(), Default::default());
            let mut coded = |(last, (key, value)): (&mut (Last<'a>, Last<'a>), (&'a str, &'a str))| {
                (last.0.or_new(key, &mut self.texts), last.1.or_new(value, &mut self.texts))
            };
            self.label_sets.push(last.iter_mut().zip(labels.iter()).map(&mut coded).collect());
        }
        self.label_sets.len() as u32 - 1
    }

    /// Calls what is to be given the batch.
    pub(super) fn lend<T>(&self, call: impl FnOnce(types::Batch<'_>) -> T) -> T {
        let label_sets: Vec<&[(u32, u32)]> = self.label_sets.iter().map(Vec::as_slice).collect();
        call(types::Batch {
            texts: &self.texts.bytes,
            offsets: &self.texts.offsets,
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
}

/// The texts of a batch, and where each begins. The first is empty.
struct Texts {
    bytes: Vec<u8>,
    offsets: Vec<u32>,
}

impl Texts {
    fn with_capacity(bytes: usize) -> Self {
        Texts { bytes: Vec::with_capacity(bytes), offsets: vec![0, 0] }
    }

    /// The index of a new text.
    fn add(&mut self, text: &str) -> u32 {
        self.bytes.extend_from_slice(text.as_bytes());
        self.offsets.push(self.bytes.len() as u32);
        self.offsets.len() as u32 - 2
    }
}

/// The last text of a column, with its index.
#[derive(Clone, Copy, Default)]
struct Last<'a> {
    text: &'a str,
    index: u32,
}

impl<'a> Last<'a> {
    /// The index of a text, which may be this one and otherwise is it from now on.
    fn or_new(&mut self, text: &'a str, texts: &mut Texts) -> u32 {
        // To compare nothing with nothing takes long where the C library does it by a masked load from no address.
        if text.is_empty() {
            *self = Last::default();
        } else if self.text != text {
            *self = Last { text, index: texts.add(text) };
        }
        self.index
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The report at an index, as a guest reads it.
    fn read(batch: &Batch, at: usize) -> Report<'_> {
        let text = |index: u32| {
            let offsets = &batch.texts.offsets[index as usize..][..2];
            str::from_utf8(&batch.texts.bytes[offsets[0] as usize..offsets[1] as usize]).unwrap()
        };
        let label = |(key, value): &(u32, u32)| (text(*key), text(*value));
        Report {
            context: text(batch.contexts[at]).into(),
            name: text(batch.names[at]).into(),
            kind: kind_out(batch.kinds[at]),
            time: Some(batch.times[at]).filter(|time| *time != NO_TIME).map(Time::from_micros),
            host: text(batch.hosts[at]).into(),
            auto_ip: false,
            timeline: Some(text(batch.timelines[at])).filter(|name| !name.is_empty()).map(Into::into),
            status: batch.statuses[at].map(status_out),
            labels: batch.label_sets[batch.labels[at] as usize].iter().map(label).collect(),
        }
    }

    #[test]
    fn guests_read_what_the_host_has() {
        // One that comes again after an empty one, too.
        const TEXTS: [&str; 6] = ["", "a", "", "a", "b", "ab"];
        let report = |i: usize| {
            // In each column they change at other times.
            let text = |column: usize| TEXTS[i / (1 + column) % TEXTS.len()];
            let mut report = Report::new(if i.is_multiple_of(3) { Kind::End } else { Kind::Point }, text(0), text(1));
            (report.host, report.timeline) =
                (text(2).into(), Some(text(3)).filter(|name| !name.is_empty()).map(Into::into));
            report.time = i.is_multiple_of(2).then(|| Time::from_micros(i as i64));
            report.status = i.is_multiple_of(5).then_some(Status::Failure);
            (0..i / 7 % 4).for_each(|at| report.labels.set(["k", "l", "m"][at], text(4 + at)));
            report
        };
        let reports: Vec<_> = (0..1_000).map(report).collect();
        let batch = Batch::of(&reports);
        for (at, report) in reports.iter().enumerate() {
            assert_eq!(&read(&batch, at), report, "{at}");
        }
        assert!(batch.texts.offsets.len() < 2 * reports.len(), "what is repeated stands there once");
    }
}
