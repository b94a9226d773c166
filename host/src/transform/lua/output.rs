//! What a script returned, as an outcome. It may be anything: each value is checked and counted while it is converted.

use std::os::raw::c_int;

use upto_wire::{Kind, Labels, Report, Status, Time, WireError, limits};

use super::report::{FIELDS, Shown};
use super::stack::{Slot, Stack};
use crate::transform::{Changes, Failure, FailureCause, Outcome, budget, cpu};

/// Bytes of one text that are taken over from Lua at the most; what upto takes is less.
const TEXT: usize = limits::LABEL_VALUE * 4;
/// The first microsecond that is no time of a report: 2262-01-01T00:00:00Z.
const TIME_END: f64 = 9_214_646_400e6;

/// Why a value is no report, or none of its fields.
pub(super) struct BadOutput(pub(super) String);

impl BadOutput {
    pub(super) fn wrong(field: &str, expected: &str, found: &Slot<'_>) -> BadOutput {
        BadOutput(match found {
            Slot::Nil => format!("{field} must be {expected}, not nil"),
            other => format!("{field} must be {expected}, not a {}", other.type_name()),
        })
    }
}

/// Turns the result of `transform`, on top of the stack, into an outcome.
pub(super) fn outcome(stack: &mut Stack, shown: &mut Shown) -> Outcome {
    let refuse = |BadOutput(message)| Outcome::Fail(Failure::new(FailureCause::Output, message));
    result(stack, shown).unwrap_or_else(refuse)
}

fn result(stack: &mut Stack, shown: &mut Shown) -> Result<Outcome, BadOutput> {
    let top = stack.top();
    let changes = match stack.value(top) {
        Slot::Nil => return Ok(Outcome::Drop),
        Slot::Report => shown.take_changes(stack)?,
        Slot::Table => match stack.field(top, "context", |context| matches!(context, Slot::Nil)) {
            true => return list(stack, top, shown),
            false => Changes::to(report(stack, top, false)?),
        },
        other => return Err(BadOutput::wrong("the result of transform", "a report, a list of reports or nil", &other)),
    };
    changes.outcome(shown.report()?).map_err(no_report)
}

fn list(stack: &mut Stack, list: c_int, shown: &Shown) -> Result<Outcome, BadOutput> {
    let mut reports = Vec::new();
    items(stack, list, "transform", budget::OUTPUT_REPORTS, |stack, item| {
        let report = match stack.value(item) {
            Slot::Report => shown.current(stack)?,
            Slot::Table => report(stack, item, shown.report()?.auto_ip)?,
            other => {
                return Err(BadOutput::wrong(&format!("item {} of the result", reports.len() + 1), "a report", &other));
            }
        };
        reports.push(checked(report)?);
        Ok(())
    })?;
    Ok(if reports.is_empty() { Outcome::Drop } else { Outcome::Expand(reports) })
}

/// The reports that `receive` returned, on top of the stack.
pub(super) fn received(stack: &mut Stack) -> Result<Vec<Report<'static>>, Failure> {
    receive_result(stack).map_err(|BadOutput(message)| Failure::new(FailureCause::Output, message))
}

fn receive_result(stack: &mut Stack) -> Result<Vec<Report<'static>>, BadOutput> {
    const LIMIT: usize = budget::REQUEST_REPORTS;
    let top = stack.top();
    match stack.value(top) {
        Slot::Nil => return Ok(Vec::new()),
        Slot::Table => {}
        other => return Err(BadOutput::wrong("the result of receive", "a report, a list of reports or nil", &other)),
    }
    if !stack.field(top, "context", |context| matches!(context, Slot::Nil)) {
        return Ok(vec![checked(report(stack, top, false)?)?]);
    }
    let mut reports = Vec::new();
    items(stack, top, "receive", LIMIT, |stack, item| {
        reports.push(match stack.value(item) {
            Slot::Table => checked(report(stack, item, false)?)?,
            other => {
                return Err(BadOutput::wrong(&format!("item {} of the result", reports.len() + 1), "a report", &other));
            }
        });
        Ok(())
    })?;
    Ok(reports)
}

/// Shows each item of the list at an index, by its own index on the stack; there are at most `limit`.
fn items(
    stack: &mut Stack,
    list: c_int,
    function: &str,
    limit: usize,
    mut see: impl FnMut(&mut Stack, c_int) -> Result<(), BadOutput>,
) -> Result<(), BadOutput> {
    let length = stack.length(list);
    if length > limit {
        return Err(BadOutput(format!("{function} returned {length} reports; at most {limit} are allowed")));
    }
    if length == 0 {
        return stack.each(list, |_, _| {
            let what = "a table that is neither a report (it has no context) nor a list";
            Err(BadOutput(format!("{function} returned {what}")))
        });
    }
    // No interrupt comes in between, and to skip what was taken out of a table costs time.
    let began = cpu::time();
    for at in 1..=length {
        stack.push_element(list, at);
        let top = stack.top();
        see(stack, top)?;
        stack.truncate(top - 1);
        if cpu::time() - began > budget::REPORT_TIME {
            let limit = budget::REPORT_TIME.as_millis();
            return Err(BadOutput(format!("it takes longer than {limit} ms to read what {function} returned")));
        }
    }
    Ok(())
}

fn checked(mut report: Report<'static>) -> Result<Report<'static>, BadOutput> {
    report.check().map_err(no_report)?;
    Ok(report)
}

fn no_report(error: WireError) -> BadOutput {
    BadOutput(format!("the result is no report: {error}"))
}

/// A report from a plain table. What it does not give is empty; `auto_ip` is whether the server fills the host.
fn report(stack: &mut Stack, table: c_int, auto_ip: bool) -> Result<Report<'static>, BadOutput> {
    let optional = |stack: &mut Stack, field: &'static str| {
        stack.field(table, field, |value| Ok(optional_text(field, &value)?.map(str::to_owned)))
    };
    let kind = stack.field(table, "type", |value| kind(&value))?;
    let context = stack.field(table, "context", |value| text("context", &value).map(str::to_owned))?;
    // A new timeline needs no name.
    let name = optional(stack, "name")?.unwrap_or_default();
    let mut report = Report::new(kind, context, name);
    report.time = stack.field(table, "time", |value| time(&value))?;
    report.host = optional(stack, "host")?.unwrap_or_default().into();
    report.timeline = optional(stack, "timeline")?.map(Into::into);
    report.status = stack.field(table, "status", |value| status(&value))?;
    report.labels = table_of_labels(stack, table)?;
    report.auto_ip = auto_ip;
    let mut count = 0;
    stack.each(table, |key, _| {
        count += 1;
        let known = matches!(&key, Slot::Text(key) if FIELDS.iter().any(|field| *key == field.as_bytes()));
        match known && count <= FIELDS.len() {
            true => Ok(()),
            false => Err(BadOutput(format!("a report has the fields {}, and no others", FIELDS.join(", ")))),
        }
    })?;
    Ok(report)
}

fn table_of_labels(stack: &mut Stack, table: c_int) -> Result<Labels<'static>, BadOutput> {
    let top = stack.top();
    stack.push_field(table, "labels");
    let found = match stack.value(-1) {
        Slot::Nil => Labels::default(),
        Slot::Table => labels(stack, top + 1)?,
        other => return Err(BadOutput::wrong("labels", "a table of text", &other)),
    };
    stack.truncate(top);
    Ok(found)
}

/// Text that must be given.
pub(super) fn text<'a>(field: &str, value: &Slot<'a>) -> Result<&'a str, BadOutput> {
    optional_text(field, value)?.ok_or_else(|| BadOutput::wrong(field, "text", &Slot::Nil))
}

/// Text, or nil for none.
pub(super) fn optional_text<'a>(field: &str, value: &Slot<'a>) -> Result<Option<&'a str>, BadOutput> {
    let bytes = match value {
        Slot::Text(bytes) => *bytes,
        Slot::Nil => return Ok(None),
        other => return Err(BadOutput::wrong(field, "text", other)),
    };
    if bytes.len() > TEXT {
        return Err(BadOutput(format!("{field} has {} bytes; at most {TEXT} are taken", bytes.len())));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(BadOutput(format!("{field} is not valid UTF-8"))),
    }
}

pub(super) fn kind(value: &Slot<'_>) -> Result<Kind, BadOutput> {
    let word = optional_text("type", value)?;
    let found = Kind::ALL.into_iter().find(|kind| Some(kind.as_str()) == word);
    found.ok_or_else(|| BadOutput("type must be start, end, point or new".into()))
}

pub(super) fn status(value: &Slot<'_>) -> Result<Option<Status>, BadOutput> {
    match optional_text("status", value)? {
        None => Ok(None),
        Some(word) => word.parse().map(Some).map_err(|error| BadOutput(format!("{error}"))),
    }
}

/// Microseconds since 1970, rounded down to whole ones.
pub(super) fn time(value: &Slot<'_>) -> Result<Option<Time>, BadOutput> {
    let micros = match value {
        Slot::Nil => return Ok(None),
        Slot::Number(micros) => *micros,
        other => return Err(BadOutput::wrong("time", "a number of microseconds since 1970", other)),
    };
    match (0.0..TIME_END).contains(&micros) {
        true => Ok(Some(Time::from_micros(micros.floor() as i64))),
        false => Err(BadOutput("time must be microseconds since 1970, within the years 1970 to 2261".into())),
    }
}

/// Labels from the table at an index. Numbers and booleans are refused, so that no script depends on how they are
/// written.
pub(super) fn labels(stack: &mut Stack, table: c_int) -> Result<Labels<'static>, BadOutput> {
    let (mut labels, mut count) = (Labels::default(), 0);
    stack.each(table, |key, value| {
        count += 1;
        if count > limits::LABELS {
            return Err(BadOutput(format!("a report has at most {} labels", limits::LABELS)));
        }
        let key = text("a label's key", &key)?;
        let value = text("", &value).map_err(|BadOutput(rest)| BadOutput(format!("label {key:?}{rest}")))?;
        labels.set(key.to_owned(), value.to_owned());
        Ok(())
    })?;
    Ok(labels)
}
