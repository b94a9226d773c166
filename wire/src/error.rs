//! Why bytes are no report, or a report is not taken.

use crate::report::limits;

/// Why bytes are not a report, in words for the one who sent them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WireError {
    /// Nothing was sent.
    #[error("the message is empty; send one report or several")]
    Empty,
    /// The bytes end within a value, or a length runs past their end.
    #[error("the bytes end at {at}, within a value")]
    Truncated {
        /// Offset in bytes at which more was expected.
        at: usize,
    },
    /// Neither a map nor an array of maps; or a byte that the encoding does not define.
    #[error("{0}")]
    Malformed(String),
    /// Values are nested deeper than [`limits::DEPTH`].
    #[error("values are nested more than {} deep", limits::DEPTH)]
    TooDeep,
    /// Text that is not UTF-8.
    #[error("{field} is not valid UTF-8")]
    InvalidUtf8 {
        /// The field that holds it.
        field: &'static str,
    },
    /// Text that holds a NUL character.
    #[error("{field} holds a NUL character; remove it")]
    Nul {
        /// The field that holds it.
        field: &'static str,
    },
    /// A field whose value has the wrong type.
    #[error("{field} is {found}; it must be {expected}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// `type` is none of the four.
    #[error("type is {0}; use start, end, point or new (or 0, 1, 2, 3)")]
    UnknownType(String),
    /// `status` is none of the six.
    #[error("status is {0:?}; use success, failure, error, timeout, cancelled or skipped")]
    UnknownStatus(String),
    /// `time` is no time, or outside 1970…2261.
    #[error("time is {0}; use RFC 3339 or seconds since 1970, within the years 1970 to 2261")]
    BadTime(String),
    /// A report that upto does not take, though the bytes are sound.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// Why upto does not take a well-formed report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A required field is absent or empty.
    #[error("{field} is missing or empty; give one")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field is longer than upto takes.
    #[error("{field} has {length} bytes; at most {limit} are allowed")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A name with too many segments.
    #[error("name has {0} segments between its dots; at most {max} are allowed", max = limits::SEGMENTS)]
    TooManySegments(usize),
    /// Too many labels.
    #[error("there are {0} labels; at most {max} are allowed", max = limits::LABELS)]
    TooManyLabels(usize),
    /// A status on a report that can't have one.
    #[error("status belongs on an end or a point, not on a start or a new timeline")]
    StatusNotAllowed,
}

impl WireError {
    /// A stable, short name of the cause: the label of the counter that counts it.
    pub fn cause(&self) -> &'static str {
        match self {
            WireError::Empty => "empty",
            WireError::Truncated { .. } => "truncated",
            WireError::Malformed(_) => "malformed",
            WireError::TooDeep => "too_deep",
            WireError::InvalidUtf8 { .. } => "invalid_utf8",
            WireError::Nul { .. } => "nul",
            WireError::WrongType { .. } => "wrong_type",
            WireError::UnknownType(_) => "unknown_type",
            WireError::UnknownStatus(_) => "unknown_status",
            WireError::BadTime(_) => "bad_time",
            WireError::Refused(refusal) => refusal.cause(),
        }
    }

    /// The cause in words: the title of problem details. The `Display` text is their detail.
    pub fn title(&self) -> String {
        self.cause().replace('_', " ").replace("utf8", "UTF-8").replace("nul", "NUL character")
    }
}

impl Refusal {
    /// Every cause that [`WireError::cause`] can name, for counters that exist before they count.
    pub const CAUSES: [&'static str; 17] = [
        "empty",
        "truncated",
        "malformed",
        "too_deep",
        "invalid_utf8",
        "nul",
        "wrong_type",
        "unknown_type",
        "unknown_status",
        "bad_time",
        "missing_context",
        "missing_name",
        "too_long",
        "too_many_segments",
        "too_many_labels",
        "status_not_allowed",
        "missing_field",
    ];

    fn cause(&self) -> &'static str {
        match self {
            Refusal::Missing { field: "context" } => "missing_context",
            Refusal::Missing { field: "name" } => "missing_name",
            Refusal::Missing { .. } => "missing_field",
            Refusal::TooLong { .. } => "too_long",
            Refusal::TooManySegments(_) => "too_many_segments",
            Refusal::TooManyLabels(_) => "too_many_labels",
            Refusal::StatusNotAllowed => "status_not_allowed",
        }
    }
}
