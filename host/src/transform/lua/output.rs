//! What a script returned, as an outcome. It may be anything: each value is checked and counted while it is converted.

use mlua::{Error, Table, Value};
use upto_wire::{Kind, Report, Status, Time, limits};

use super::report::{FIELDS, OwnedLabels, View};
use crate::transform::{Failure, FailureCause, Outcome, budget};

/// Bytes of one text that are taken over from Lua at the most; what upto takes is less.
const TEXT: usize = limits::LABEL_VALUE * 4;
/// The first microsecond that is no time of a report: 2262-01-01T00:00:00Z.
const TIME_END: f64 = 9_214_646_400e6;

/// Why a value is no report.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadOutput(String);

impl BadOutput {
    pub(super) fn error(message: impl Into<String>) -> Error {
        Error::external(BadOutput(message.into()))
    }

    pub(super) fn wrong(field: &str, expected: &str, found: &Value) -> Error {
        let found = match found {
            // Lua has one type of number; that some are kept as integers shows nowhere else.
            Value::Integer(_) => "a number",
            Value::Nil => "nil",
            other => return BadOutput::error(format!("{field} must be {expected}, not a {}", other.type_name())),
        };
        BadOutput::error(format!("{field} must be {expected}, not {found}"))
    }
}

/// Turns the result of `transform` into an outcome.
pub(super) fn outcome(value: Value, view: &View) -> mlua::Result<Outcome> {
    match value {
        Value::Nil => Ok(Outcome::Drop),
        Value::UserData(report) if view.is(&report) => match view.changed()? {
            None => Ok(Outcome::Keep),
            Some(report) => Ok(checked(report).map_or_else(Outcome::Fail, |report| Outcome::Replace(Box::new(report)))),
        },
        Value::Table(table) => match table.raw_get::<Value>("context")? {
            Value::Nil => list(&table, view),
            _ => Ok(checked(report(&table, view.auto_ip()?)?)
                .map_or_else(Outcome::Fail, |report| Outcome::Replace(Box::new(report)))),
        },
        other => Err(BadOutput::wrong("the result of transform", "a report, a list of reports or nil", &other)),
    }
}

fn list(table: &Table, view: &View) -> mlua::Result<Outcome> {
    let length = table.raw_len();
    if length > budget::OUTPUT_REPORTS {
        let message = format!("transform returned {length} reports; at most {} are allowed", budget::OUTPUT_REPORTS);
        return Err(BadOutput::error(message));
    }
    if length == 0 && !table.is_empty() {
        return Err(BadOutput::error(
            "transform returned a table that is neither a report (it has no context) nor a list",
        ));
    }
    let mut reports = Vec::with_capacity(length);
    for at in 1..=length {
        let item = match table.raw_get::<Value>(at)? {
            Value::UserData(item) if view.is(&item) => view.current()?,
            Value::Table(item) => report(&item, view.auto_ip()?)?,
            other => return Err(BadOutput::wrong(&format!("item {at} of the result"), "a report", &other)),
        };
        match checked(item) {
            Ok(item) => reports.push(item),
            Err(failure) => return Ok(Outcome::Fail(failure)),
        }
    }
    Ok(if reports.is_empty() { Outcome::Drop } else { Outcome::Expand(reports) })
}

pub(super) fn checked(mut report: Report<'static>) -> Result<Report<'static>, Failure> {
    match report.check() {
        Ok(()) => Ok(report),
        Err(error) => {
            Err(Failure { cause: FailureCause::Output, message: format!("the result is no report: {error}") })
        }
    }
}

/// A report from a plain table. What it does not give is empty; `auto_ip` is whether the server fills the host.
pub(super) fn report(table: &Table, auto_ip: bool) -> mlua::Result<Report<'static>> {
    let get = |field: &str| table.raw_get::<Value>(field);
    let kind = kind(&get("type")?)?;
    let context = text("context", &get("context")?)?;
    // A new timeline needs no name.
    let name = optional_text("name", &get("name")?)?.unwrap_or_default();
    let mut report = Report::new(kind, context, name);
    report.time = time(&get("time")?)?;
    report.host = optional_text("host", &get("host")?)?.unwrap_or_default().into();
    report.timeline = optional_text("timeline", &get("timeline")?)?.map(Into::into);
    report.status = status(&get("status")?)?;
    report.labels = match get("labels")? {
        Value::Nil => OwnedLabels::default(),
        Value::Table(table) => labels(&table)?,
        other => return Err(BadOutput::wrong("labels", "a table of text", &other)),
    };
    report.auto_ip = auto_ip;
    let mut count = 0;
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair?;
        count += 1;
        let known = matches!(&key, Value::String(key) if FIELDS.iter().any(|field| *key == *field));
        if !known || count > FIELDS.len() {
            return Err(BadOutput::error(format!("a report has the fields {}, and no others", FIELDS.join(", "))));
        }
    }
    Ok(report)
}

/// Text that must be given.
pub(super) fn text(field: &str, value: &Value) -> mlua::Result<String> {
    optional_text(field, value)?.ok_or_else(|| BadOutput::wrong(field, "text", &Value::Nil))
}

/// Text, or nil for none.
pub(super) fn optional_text(field: &str, value: &Value) -> mlua::Result<Option<String>> {
    let text = match value {
        Value::String(text) => text,
        Value::Nil => return Ok(None),
        other => return Err(BadOutput::wrong(field, "text", other)),
    };
    let bytes = text.as_bytes();
    if bytes.len() > TEXT {
        return Err(BadOutput::error(format!("{field} has {} bytes; at most {TEXT} are taken", bytes.len())));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(BadOutput::error(format!("{field} is not valid UTF-8"))),
    }
}

pub(super) fn kind(value: &Value) -> mlua::Result<Kind> {
    let word = optional_text("type", value)?;
    let found = Kind::ALL.into_iter().find(|kind| Some(kind.as_str()) == word.as_deref());
    found.ok_or_else(|| BadOutput::error("type must be start, end, point or new"))
}

pub(super) fn status(value: &Value) -> mlua::Result<Option<Status>> {
    match optional_text("status", value)? {
        None => Ok(None),
        Some(word) => word.parse().map(Some).map_err(|error| BadOutput::error(format!("{error}"))),
    }
}

/// Microseconds since 1970, rounded down to whole ones.
pub(super) fn time(value: &Value) -> mlua::Result<Option<Time>> {
    let micros = match value {
        Value::Nil => return Ok(None),
        Value::Number(micros) => *micros,
        Value::Integer(micros) => *micros as f64,
        other => return Err(BadOutput::wrong("time", "a number of microseconds since 1970", other)),
    };
    match (0.0..TIME_END).contains(&micros) {
        true => Ok(Some(Time::from_micros(micros.floor() as i64))),
        false => Err(BadOutput::error("time must be microseconds since 1970, within the years 1970 to 2261")),
    }
}

/// Labels from a table of text. Numbers and booleans are refused, so that no script depends on how they are written.
pub(super) fn labels(table: &Table) -> mlua::Result<OwnedLabels> {
    let mut labels = OwnedLabels::default();
    for (count, pair) in table.pairs::<Value, Value>().enumerate() {
        let (key, value) = pair?;
        if count == limits::LABELS {
            return Err(BadOutput::error(format!("a report has at most {} labels", limits::LABELS)));
        }
        let key = text("a label's key", &key)?;
        let value = text(&format!("label {key:?}"), &value)?;
        labels.set(key, value);
    }
    Ok(labels)
}
