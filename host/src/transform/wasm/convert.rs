//! Reports and outcomes across the border. What goes in is borrowed, so that text is copied once, into the guest.

use upto_wire::{Kind, Labels, Report, Status, Time, limits};

use super::bindings::upto::transform::types::{self, ReportParam, ReportResult};
use crate::transform::{Failure, FailureCause, Outcome, budget};

/// The labels of all reports, one after another.
pub(super) fn labels<'a>(reports: &'a [Report<'_>]) -> Vec<(&'a str, &'a str)> {
    reports.iter().flat_map(|report| report.labels.iter()).collect()
}

/// The reports as the guest is given them.
pub(super) fn reports<'a>(reports: &'a [Report<'_>], mut labels: &'a [(&'a str, &'a str)]) -> Vec<ReportParam<'a>> {
    let convert = |report: &'a Report<'_>| {
        let (own, rest) = labels.split_at(report.labels.len());
        labels = rest;
        ReportParam {
            context: &report.context,
            name: &report.name,
            kind: kind_in(report.kind),
            time: report.time.map(Time::micros),
            host: &report.host,
            timeline: report.timeline.as_deref(),
            status: report.status.map(status_in),
            labels: own,
        }
    };
    reports.iter().map(convert).collect()
}

/// What the guest made of a report, checked.
pub(super) fn outcome(outcome: types::Outcome, original: &Report<'_>) -> Outcome {
    match outcome {
        types::Outcome::Keep => Outcome::Keep,
        types::Outcome::Drop => Outcome::Drop,
        types::Outcome::Fail(message) => Outcome::Fail(Failure::new(FailureCause::Error, message)),
        types::Outcome::Replace(report) => match checked(report, original.auto_ip) {
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
            match several.into_iter().map(|report| checked(report, original.auto_ip)).collect::<Result<Vec<_>, _>>() {
                Ok(reports) => Outcome::Expand(reports),
                Err(failure) => Outcome::Fail(failure),
            }
        }
    }
}

/// A report of the guest. Guests don't see `auto_ip`: whether the server fills the host is between it and the client.
pub(super) fn checked(report: ReportResult, auto_ip: bool) -> Result<Report<'static>, Failure> {
    let refuse = |message: String| Failure::new(FailureCause::Output, message);
    // What is refused in the end is not sorted first.
    if report.labels.len() > limits::LABELS {
        return Err(refuse(format!("it has {} labels; a report has at most {}", report.labels.len(), limits::LABELS)));
    }
    let mut report = Report {
        context: report.context.into(),
        name: report.name.into(),
        kind: kind_out(report.kind),
        time: report.time.map(time).transpose().map_err(refuse)?,
        host: report.host.into(),
        auto_ip,
        timeline: report.timeline.map(Into::into),
        status: report.status.map(status_out),
        labels: report.labels.into_iter().collect::<Labels<'static>>(),
    };
    report.check().map_err(|error| refuse(format!("the result is no report: {error}")))?;
    Ok(report)
}

fn time(micros: i64) -> Result<Time, String> {
    /// 2262-01-01T00:00:00Z.
    const END: i64 = 9_214_646_400_000_000;
    match (0..END).contains(&micros) {
        true => Ok(Time::from_micros(micros)),
        false => Err(format!("time is {micros} µs since 1970; it must be within the years 1970 to 2261")),
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

fn kind_out(kind: types::Kind) -> Kind {
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

fn status_out(status: types::Status) -> Status {
    match status {
        types::Status::Skipped => Status::Skipped,
        types::Status::Success => Status::Success,
        types::Status::Cancelled => Status::Cancelled,
        types::Status::Timeout => Status::Timeout,
        types::Status::Failure => Status::Failure,
        types::Status::Error => Status::Error,
    }
}
