//! Request bodies to reports.

use std::net::IpAddr;

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

/// What a body holds.
#[derive(Debug, Default)]
pub struct Body {
    /// The reports to be taken, in order.
    pub reports: Vec<Report<'static>>,
    /// Those refused, by their index in the body, and why.
    pub refused: Vec<(usize, WireError)>,
}

/// Decodes a body and admits its reports. A faulty report costs only itself; a body that can't be followed any further
/// ends with a refused item.
pub fn decode(body: &[u8], encoding: Encoding, source: IpAddr, received: Time, telemetry: &Telemetry) -> Body {
    let mut decoded = Body::default();
    let mut index = 0;
    let mut take = |report: Result<Report<'_>, WireError>| {
        telemetry.received.add(1);
        let too_many = || {
            WireError::Malformed(format!(
                "a body holds at most {MAX_REPORTS} reports; what follows was not read, send it in another"
            ))
        };
        let report = if index < MAX_REPORTS { report } else { Err(too_many()) };
        match report.and_then(|report| admit(report, source, received)) {
            Ok(report) => decoded.reports.push(report.into_owned()),
            Err(error) => {
                telemetry.refused.count(&error);
                decoded.refused.push((index, error));
            }
        }
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
    decoded
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
