//! Request bodies to reports.

use std::net::IpAddr;

use bytes::Bytes;
use self_cell::self_cell;
use upto_wire::{Report, Time, WireError, json, msgpack};

use super::lane::admit;
use crate::telemetry::Telemetry;

/// Bytes of a body at the most.
pub const MAX_BODY: usize = 4 << 20;
/// Reports of a body at the most; what comes after them is refused as one item, unread.
pub const MAX_REPORTS: usize = 10_000;

/// The encodings of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One report, or an array.
    Json,
    /// A report a line.
    JsonLines,
    /// As in a datagram.
    MessagePack,
}

impl Encoding {
    /// The encoding that a `Content-Type` names.
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Some(Encoding::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Encoding::JsonLines),
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => Some(Encoding::MessagePack),
            _ => None,
        }
    }
}

type Reports<'a> = Vec<Report<'a>>;

self_cell!(
    /// Reports to be taken, in order, with the body that they borrow their text from.
    pub struct Admitted {
        owner: Bytes,
        #[covariant]
        dependent: Reports,
    }
);

impl Admitted {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.borrow_dependent().len()
    }

    /// Takes the reports out while their body is there.
    pub fn take<R>(mut self, see: impl for<'a> FnOnce(Vec<Report<'a>>) -> R) -> R {
        self.with_dependent_mut(|_, reports| see(std::mem::take(reports)))
    }
}

impl From<Vec<Report<'static>>> for Admitted {
    fn from(reports: Vec<Report<'static>>) -> Self {
        Admitted::new(Bytes::new(), |_| reports)
    }
}

/// What a body holds.
pub struct Body {
    /// The reports to be taken.
    pub reports: Admitted,
    /// Those refused, by their index in the body, and why.
    pub refused: Vec<(usize, WireError)>,
}

/// Decodes a body and admits its reports. A faulty report costs only itself; a body that can't be followed any further
/// ends with a refused item.
pub fn decode(body: Bytes, encoding: Encoding, source: IpAddr, received: Time, telemetry: &Telemetry) -> Body {
    let mut refused = Vec::new();
    let reports = Admitted::new(body, |body| {
        let mut reports = Vec::new();
        admit_all(body, encoding, source, received, telemetry, |index, report| match report {
            Ok(report) => reports.push(report),
            Err(error) => {
                telemetry.refused.count(&error);
                refused.push((index, error));
            }
        });
        reports
    });
    Body { reports, refused }
}

/// Shows each report of a body with its index, or why it is refused.
fn admit_all<'a>(
    body: &'a [u8],
    encoding: Encoding,
    source: IpAddr,
    received: Time,
    telemetry: &Telemetry,
    mut see: impl FnMut(usize, Result<Report<'a>, WireError>),
) {
    let mut index = 0;
    let mut take = |report: Result<Report<'a>, WireError>| {
        telemetry.received.add(1);
        let too_many = || {
            WireError::Malformed(format!(
                "a body holds at most {MAX_REPORTS} reports; what follows was not read, send it in another"
            ))
        };
        let report = if index < MAX_REPORTS { report } else { Err(too_many()) };
        see(index, report.and_then(|report| admit(report, source, received)));
        index += 1;
    };
    match encoding {
        Encoding::MessagePack => msgpack::reports(body).take(MAX_REPORTS + 1).for_each(take),
        Encoding::Json => match json::items(body) {
            Ok(items) => items.into_iter().take(MAX_REPORTS + 1).for_each(|item| take(json::report(item))),
            Err(error) => take(Err(error)),
        },
        Encoding::JsonLines => lines(body).take(MAX_REPORTS + 1).for_each(|line| take(line.and_then(json::report))),
    }
}

/// The lines of a body that are not blank; one item at least.
fn lines(body: &[u8]) -> impl Iterator<Item = Result<&str, WireError>> {
    let empty = body.iter().all(u8::is_ascii_whitespace).then_some(Err(WireError::Empty));
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace));
    lines
        .map(|line| {
            std::str::from_utf8(line).map_err(|_| WireError::Malformed("the line is not valid UTF-8".to_owned()))
        })
        .chain(empty)
}
