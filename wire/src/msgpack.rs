//! Reports as MessagePack, the datagrams of the original client included.

use std::borrow::Cow;

use crate::builder::{Builder, Field, Scalar, not_a_report};
use crate::time::GO_ZERO_S;
use crate::{Report, Time, WireError, limits};

/// The reports of a message: one map, several one after another, arrays of maps, or a mix of these.
///
/// A faulty report is an error item and the next report follows; so is what is no map in an array. Where the bytes
/// themselves can't be followed any further (cut short, undefined, nested too deep, no report to begin with), the
/// error is the last item. There is at least one item.
pub fn reports(message: &[u8]) -> Reports<'_> {
    Reports { reader: Reader { bytes: message, at: 0 }, in_array: 0, state: State::Fresh }
}

/// See [`reports`].
#[derive(Debug)]
pub struct Reports<'a> {
    reader: Reader<'a>,
    /// Maps that the array being read still holds.
    in_array: usize,
    state: State,
}

#[derive(Debug, PartialEq)]
enum State {
    /// Nothing was given out yet.
    Fresh,
    Running,
    Done,
}

impl<'a> Iterator for Reports<'a> {
    type Item = Result<Report<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Done {
            return None;
        }
        match self.next_report() {
            Ok(Some(report)) => {
                self.state = State::Running;
                Some(report)
            }
            Ok(None) => {
                let fresh = self.state == State::Fresh;
                self.state = State::Done;
                fresh.then_some(Err(WireError::Empty))
            }
            Err(fatal) => {
                self.state = State::Done;
                Some(Err(fatal))
            }
        }
    }
}

impl<'a> Reports<'a> {
    fn next_report(&mut self) -> Result<Option<Result<Report<'a>, WireError>>, WireError> {
        while self.in_array == 0 {
            if self.reader.is_at_end() {
                return Ok(None);
            }
            match self.reader.array_length()? {
                Some(length) => self.in_array = length,
                // Outside an array, anything but a map says that these bytes are not ours: nothing after it is tried.
                None => {
                    let pairs = self.reader.map_length()?;
                    return self.report(pairs).map(Some);
                }
            }
        }
        self.in_array -= 1;
        match self.reader.map_length_if_map()? {
            Some(pairs) => self.report(pairs).map(Some),
            None => Ok(Some(Err(not_a_report(&self.reader.scalar(0)?)))),
        }
    }

    /// The inner error is this report's alone, the outer one ends the message.
    fn report(&mut self, pairs: usize) -> Result<Result<Report<'a>, WireError>, WireError> {
        let mut report = Builder::default();
        for _ in 0..pairs {
            match self.reader.key()? {
                Some(Field::Labels) => self.labels(&mut report)?,
                Some(field) => report.set(field, self.reader.scalar(1)?),
                None => self.reader.skip(1)?,
            }
        }
        Ok(report.finish())
    }

    fn labels(&mut self, report: &mut Builder<'a>) -> Result<(), WireError> {
        let Some(pairs) = self.reader.map_length_if_map()? else {
            report.set(Field::Labels, self.reader.scalar(1)?);
            return Ok(());
        };
        report.begin_labels();
        for _ in 0..pairs {
            let key = self.reader.scalar(2)?;
            let value = self.reader.scalar(2)?;
            report.label(key, value);
        }
        Ok(())
    }
}

/// Reads values off a message. Every length is checked against what is left before it is believed.
#[derive(Debug)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..count)) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => Err(WireError::Truncated { at: self.bytes.len() }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let taken = self.take(N)?;
        // `take` gave exactly N bytes.
        Ok(taken.try_into().unwrap_or([0; N]))
    }

    fn peek(&self) -> Result<u8, WireError> {
        self.bytes.get(self.at).copied().ok_or(WireError::Truncated { at: self.at })
    }

    fn byte(&mut self) -> Result<u8, WireError> {
        Ok(self.array::<1>()?[0])
    }

    /// A big-endian length of `width` bytes.
    fn length(&mut self, width: usize) -> Result<usize, WireError> {
        Ok(match width {
            1 => usize::from(self.byte()?),
            2 => usize::from(u16::from_be_bytes(self.array()?)),
            _ => u32::from_be_bytes(self.array()?) as usize,
        })
    }

    /// A count of values that take at least `least` bytes each: refused before anybody loops over it.
    fn count(&self, count: usize, least: usize) -> Result<usize, WireError> {
        match count.checked_mul(least) {
            Some(bytes) if bytes <= self.bytes.len() - self.at => Ok(count),
            _ => Err(WireError::Truncated { at: self.bytes.len() }),
        }
    }

    fn array_length(&mut self) -> Result<Option<usize>, WireError> {
        let length = match self.peek()? {
            marker @ 0x90..=0x9f => {
                self.at += 1;
                usize::from(marker & 0x0f)
            }
            marker @ (0xdc | 0xdd) => {
                self.at += 1;
                self.length(if marker == 0xdc { 2 } else { 4 })?
            }
            _ => return Ok(None),
        };
        self.count(length, 1).map(Some)
    }

    fn map_length_if_map(&mut self) -> Result<Option<usize>, WireError> {
        let length = match self.peek()? {
            marker @ 0x80..=0x8f => {
                self.at += 1;
                usize::from(marker & 0x0f)
            }
            marker @ (0xde | 0xdf) => {
                self.at += 1;
                self.length(if marker == 0xde { 2 } else { 4 })?
            }
            _ => return Ok(None),
        };
        self.count(length, 2).map(Some)
    }

    fn map_length(&mut self) -> Result<usize, WireError> {
        let at = self.at;
        self.map_length_if_map()?.ok_or_else(|| {
            WireError::Malformed(format!(
                "byte {at} is 0x{:02x} where a report was expected; a report is a MessagePack map",
                self.bytes[at]
            ))
        })
    }

    /// The field that the next key names; `None` for a key that is unknown or no text.
    fn key(&mut self) -> Result<Option<Field>, WireError> {
        match self.text_length()? {
            Some(length) => Ok(Field::of(self.take(length)?)),
            None => self.skip(1).map(|()| None),
        }
    }

    /// The length of text: of `str`, or of `bin`, which some encoders write for text.
    fn text_length(&mut self) -> Result<Option<usize>, WireError> {
        let width = match self.peek()? {
            marker @ 0xa0..=0xbf => {
                self.at += 1;
                return Ok(Some(usize::from(marker & 0x1f)));
            }
            marker @ 0xd9..=0xdb => 1 << (marker - 0xd9),
            marker @ 0xc4..=0xc6 => 1 << (marker - 0xc4),
            _ => return Ok(None),
        };
        self.at += 1;
        self.length(width).map(Some)
    }

    /// Reads one value; a container is walked and named, not kept. `depth` counts the containers around it.
    fn scalar(&mut self, depth: usize) -> Result<Scalar<'a>, WireError> {
        if let Some(length) = self.text_length()? {
            return Ok(text(self.take(length)?));
        }
        let start = self.at;
        let marker = self.byte()?;
        Ok(match marker {
            0x00..=0x7f => Scalar::Int(i64::from(marker)),
            0xe0..=0xff => Scalar::Int(i64::from(marker as i8)),
            0xc0 => Scalar::Nil,
            0xc2 | 0xc3 => Scalar::Bool(marker == 0xc3),
            0xca => Scalar::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Scalar::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Scalar::Int(i64::from(self.byte()?)),
            0xcd => Scalar::Int(i64::from(u16::from_be_bytes(self.array()?))),
            0xce => Scalar::Int(i64::from(u32::from_be_bytes(self.array()?))),
            0xcf => {
                let number = u64::from_be_bytes(self.array()?);
                i64::try_from(number).map_or(Scalar::Big(number), Scalar::Int)
            }
            0xd0 => Scalar::Int(i64::from(self.byte()? as i8)),
            0xd1 => Scalar::Int(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Scalar::Int(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Scalar::Int(i64::from_be_bytes(self.array()?)),
            0xc7..=0xc9 => {
                let length = self.length(1 << (marker - 0xc7))?;
                self.extension(length)?
            }
            0xd4..=0xd8 => self.extension(1 << (marker - 0xd4))?,
            _ => {
                self.at = start;
                self.skip(depth)?;
                Scalar::Other(if matches!(marker, 0x80..=0x8f | 0xde | 0xdf) { "a map" } else { "an array" })
            }
        })
    }

    /// The original client's time (type 5), MessagePack's own timestamp (type −1), or something else.
    fn extension(&mut self, length: usize) -> Result<Scalar<'a>, WireError> {
        let kind = self.byte()? as i8;
        let data = self.take(length)?;
        Ok(moment(kind, data)
            .map_or(Scalar::Other("an extension type"), |(seconds, nanos)| Scalar::Moment { seconds, nanos }))
    }

    /// Passes over one value. `depth` counts the containers around it.
    fn skip(&mut self, depth: usize) -> Result<(), WireError> {
        let values = match self.peek()? {
            0xc1 => {
                return Err(WireError::Malformed(format!(
                    "byte {} is 0xc1, which MessagePack does not define",
                    self.at
                )));
            }
            0x90..=0x9f | 0xdc | 0xdd => self.array_length()?.unwrap_or(0),
            0x80..=0x8f | 0xde | 0xdf => self.map_length_if_map()?.unwrap_or(0) * 2,
            _ => return self.scalar(depth).map(|_| ()),
        };
        if depth >= limits::DEPTH {
            return Err(WireError::TooDeep);
        }
        (0..values).try_for_each(|_| self.skip(depth + 1))
    }
}

fn text(bytes: &[u8]) -> Scalar<'_> {
    std::str::from_utf8(bytes).map_or(Scalar::NotUtf8, |text| Scalar::Text(Cow::Borrowed(text)))
}

/// Seconds and nanoseconds of an extension value that is a moment.
fn moment(kind: i8, data: &[u8]) -> Option<(i64, i64)> {
    let be32 = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_be_bytes);
    let be64 = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
    match (kind, data.len()) {
        (5, 12) => Some((be64(&data[..8])? as i64, i64::from(be32(&data[8..])? as i32))),
        (-1, 4) => Some((i64::from(be32(data)?), 0)),
        (-1, 8) => {
            let packed = be64(data)?;
            Some(((packed & 0x3_ffff_ffff) as i64, (packed >> 34) as i64))
        }
        (-1, 12) => Some((be64(&data[4..])? as i64, i64::from(be32(&data[..4])?))),
        _ => None,
    }
}

/// Appends a report the way the original client writes it: its six keys in its order, time as extension type 5; then
/// `timeline`, `status` and `labels` where they are given.
pub fn encode(report: &Report<'_>, out: &mut Vec<u8>) {
    let extra = usize::from(report.timeline.is_some())
        + usize::from(report.status.is_some())
        + usize::from(!report.labels.is_empty());
    out.push(0x86 + extra as u8);
    put_pair(out, "context", &report.context);
    put_pair(out, "name", &report.name);
    put_text(out, "type");
    out.push(report.kind as u8);
    put_text(out, "time");
    put_time(out, report.time);
    put_pair(out, "host", &report.host);
    put_text(out, "autoIP");
    out.push(if report.auto_ip { 0xc3 } else { 0xc2 });
    if let Some(timeline) = &report.timeline {
        put_pair(out, "timeline", timeline);
    }
    if let Some(status) = report.status {
        put_pair(out, "status", status.as_str());
    }
    if !report.labels.is_empty() {
        put_text(out, "labels");
        put_map_length(out, report.labels.len());
        report.labels.iter().for_each(|(key, value)| put_pair(out, key, value));
    }
}

fn put_map_length(out: &mut Vec<u8>, length: usize) {
    match length {
        0..=15 => out.push(0x80 | length as u8),
        16..=0xffff => {
            out.push(0xde);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdf);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
}

fn put_pair(out: &mut Vec<u8>, key: &str, value: &str) {
    put_text(out, key);
    put_text(out, value);
}

/// Each form ends one byte before its length field is full, because the original client's encoder does so: 255 bytes
/// of text have a length of two bytes.
fn put_text(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length @ 32..=0xfe => out.extend_from_slice(&[0xd9, length as u8]),
        length @ 0xff..=0xfffe => {
            out.push(0xda);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0xdb);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

fn put_time(out: &mut Vec<u8>, time: Option<Time>) {
    let (seconds, nanos) = match time {
        Some(time) => (time.micros().div_euclid(1_000_000), time.micros().rem_euclid(1_000_000) * 1_000),
        None => (GO_ZERO_S, 0),
    };
    out.extend_from_slice(&[0xc7, 12, 5]);
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&(nanos as i32).to_be_bytes());
}
