//! Puts a report together from the fields of a message, the same way for every encoding.

use std::borrow::Cow;

use crate::{Kind, Labels, Refusal, Report, Status, Time, WireError};

/// A value of a message, as far as reports know values. Only text is borrowed; containers are walked, not kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// An unsigned integer over `i64::MAX`.
    Big(u64),
    Float(f64),
    Text(Cow<'a, str>),
    /// Bytes that should have been text but are not UTF-8.
    NotUtf8,
    /// A moment in the encoding's own form, since 1970.
    Moment {
        seconds: i64,
        nanos: i64,
    },
    /// Something that no field takes, by its name in the encoding.
    Other(&'static str),
}

impl Scalar<'_> {
    fn found(&self) -> &'static str {
        match self {
            Scalar::Nil => "null",
            Scalar::Bool(_) => "a boolean",
            Scalar::Int(_) | Scalar::Big(_) => "an integer",
            Scalar::Float(_) => "a float",
            Scalar::Text(_) => "text",
            Scalar::NotUtf8 => "bytes that are not UTF-8",
            Scalar::Moment { .. } => "a time",
            Scalar::Other(name) => name,
        }
    }
}

/// The fields of a report, by their names on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Context,
    Name,
    Type,
    Time,
    Host,
    AutoIp,
    Timeline,
    Status,
    Labels,
}

impl Field {
    /// The field of a key; `None` for keys that upto does not know and ignores.
    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"context" => Field::Context,
            b"name" => Field::Name,
            b"type" => Field::Type,
            b"time" => Field::Time,
            b"host" => Field::Host,
            b"autoIP" | b"auto_ip" => Field::AutoIp,
            b"timeline" => Field::Timeline,
            b"status" => Field::Status,
            b"labels" => Field::Labels,
            _ => return None,
        })
    }
}

/// A report while its fields arrive. The first error is kept and the rest still read, so that a message can go on
/// after a faulty report.
#[derive(Debug, Default)]
pub(crate) struct Builder<'a> {
    context: Cow<'a, str>,
    name: Cow<'a, str>,
    kind: Option<Kind>,
    time: Option<Time>,
    host: Cow<'a, str>,
    auto_ip: bool,
    timeline: Option<Cow<'a, str>>,
    status: Option<Status>,
    labels: Labels<'a>,
    error: Option<WireError>,
}

impl<'a> Builder<'a> {
    pub(crate) fn set(&mut self, field: Field, value: Scalar<'a>) {
        if let Err(error) = self.try_set(field, value) {
            self.fail(error);
        }
    }

    /// Begins the labels; those of an earlier key `labels` are replaced, as with every key that comes twice.
    pub(crate) fn begin_labels(&mut self) {
        self.labels = Labels::default();
    }

    /// A label. A message may name more than [`crate::limits::LABELS`]; those past one over it are not kept.
    pub(crate) fn label(&mut self, key: Scalar<'a>, value: Scalar<'a>) {
        if self.labels.len() > crate::limits::LABELS {
            return;
        }
        match (text("label key", key), text("label value", value)) {
            (Ok(key), Ok(value)) => self.labels.set(key, value),
            (Err(error), _) | (_, Err(error)) => self.fail(error),
        }
    }

    pub(crate) fn fail(&mut self, error: WireError) {
        self.error.get_or_insert(error);
    }

    pub(crate) fn finish(self) -> Result<Report<'a>, WireError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        Ok(Report {
            context: self.context,
            name: self.name,
            kind: self.kind.ok_or(Refusal::Missing { field: "type" })?,
            time: self.time,
            host: self.host,
            auto_ip: self.auto_ip,
            timeline: self.timeline,
            status: self.status,
            labels: self.labels,
        })
    }

    fn try_set(&mut self, field: Field, value: Scalar<'a>) -> Result<(), WireError> {
        match field {
            Field::Context => self.context = text("context", value)?,
            Field::Name => self.name = text("name", value)?,
            Field::Type => self.kind = Some(kind(value)?),
            Field::Time => self.time = time(value)?,
            Field::Host => self.host = text("host", value)?,
            Field::AutoIp => self.auto_ip = boolean("autoIP", value)?,
            Field::Timeline => self.timeline = Some(text("timeline", value)?).filter(|name| !name.is_empty()),
            Field::Status => self.status = status(value)?,
            Field::Labels => match value {
                Scalar::Nil => self.begin_labels(),
                other => return Err(wrong("labels", "a map of text to text", &other)),
            },
        }
        Ok(())
    }
}

/// A value that stands where a report was expected.
pub(crate) fn not_a_report(value: &Scalar<'_>) -> WireError {
    wrong("the report", "a map (JSON: an object)", value)
}

fn wrong(field: &'static str, expected: &'static str, value: &Scalar<'_>) -> WireError {
    WireError::WrongType { field, expected, found: value.found() }
}

fn text<'a>(field: &'static str, value: Scalar<'a>) -> Result<Cow<'a, str>, WireError> {
    match value {
        Scalar::Text(text) => Ok(text),
        Scalar::Nil => Ok(Cow::Borrowed("")),
        Scalar::NotUtf8 => Err(WireError::InvalidUtf8 { field }),
        other => Err(wrong(field, "text", &other)),
    }
}

fn boolean(field: &'static str, value: Scalar<'_>) -> Result<bool, WireError> {
    match value {
        Scalar::Bool(flag) => Ok(flag),
        Scalar::Nil => Ok(false),
        other => Err(wrong(field, "true or false", &other)),
    }
}

fn kind(value: Scalar<'_>) -> Result<Kind, WireError> {
    match value {
        Scalar::Int(number) => usize::try_from(number)
            .ok()
            .and_then(|number| Kind::ALL.get(number).copied())
            .ok_or_else(|| WireError::UnknownType(number.to_string())),
        Scalar::Big(number) => Err(WireError::UnknownType(number.to_string())),
        Scalar::Text(word) => Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| WireError::UnknownType(format!("{:?}", word.chars().take(40).collect::<String>()))),
        other => Err(wrong("type", "a number from 0 to 3 or start, end, point, new", &other)),
    }
}

fn time(value: Scalar<'_>) -> Result<Option<Time>, WireError> {
    match value {
        Scalar::Nil => Ok(None),
        Scalar::Moment { seconds, nanos } => Time::from_report(seconds, nanos),
        Scalar::Int(seconds) => Time::from_report(seconds, 0),
        Scalar::Big(seconds) => Err(WireError::BadTime(format!("{seconds} s since 1970"))),
        Scalar::Float(seconds) => Time::from_report_float(seconds),
        Scalar::Text(text) => Time::from_report_text(&text),
        other => Err(wrong("time", "RFC 3339 text, seconds since 1970 or a MessagePack timestamp", &other)),
    }
}

fn status(value: Scalar<'_>) -> Result<Option<Status>, WireError> {
    match value {
        Scalar::Nil => Ok(None),
        Scalar::Text(word) if word.is_empty() => Ok(None),
        Scalar::Text(word) => word.parse().map(Some),
        other => Err(wrong("status", "text", &other)),
    }
}
