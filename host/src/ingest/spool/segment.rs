//! The files of the spool. A segment holds chunks one after another, each with its length and its checksum before it, so
//! that what was only half written, or damaged since, is seen and left out.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use upto_wire::Time;

use crate::ingest::Datagrams;

/// A record begins with two numbers of 32 bits, little-endian as all are: the length of what follows, and its CRC-32.
pub const HEAD: usize = 8;
/// Bytes of a record at the most: a chunk that one system call filled with the largest datagrams has some 4 MiB.
const MAX_RECORD: usize = 8 << 20;

/// A chunk, and the function that makes reports of it if it is in a foreign format.
pub struct Record {
    /// The function; `None` for upto's own datagrams.
    pub function: Option<Arc<str>>,
    /// The chunk.
    pub chunk: Datagrams,
}

/// Writes a chunk as a record.
pub fn encode(function: Option<&str>, chunk: &Datagrams, out: &mut Vec<u8>) {
    let function = function.unwrap_or_default();
    out.clear();
    out.resize(HEAD, 0);
    out.extend_from_slice(&(function.len() as u32).to_le_bytes());
    out.extend_from_slice(function.as_bytes());
    for (datagram, source, received) in chunk.iter() {
        let source = match source {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        out.extend_from_slice(&source.octets());
        out.extend_from_slice(&received.micros().to_le_bytes());
        out.extend_from_slice(&(datagram.len() as u32).to_le_bytes());
        out.extend_from_slice(datagram);
    }
    let checksum = crc32fast::hash(&out[HEAD..]);
    let length = (out.len() - HEAD) as u32;
    out[..4].copy_from_slice(&length.to_le_bytes());
    out[4..HEAD].copy_from_slice(&checksum.to_le_bytes());
}

fn decode(mut content: &[u8]) -> Option<Record> {
    let length = u32::from_le_bytes(take(&mut content)?);
    let function = content.split_off(..length as usize)?;
    let function = std::str::from_utf8(function).ok()?;
    let function = (!function.is_empty()).then(|| function.into());
    let mut chunk = Datagrams::default();
    while !content.is_empty() {
        let source = IpAddr::V6(Ipv6Addr::from(take::<16>(&mut content)?)).to_canonical();
        let received = Time::from_micros(i64::from_le_bytes(take(&mut content)?));
        let length = u32::from_le_bytes(take(&mut content)?);
        chunk.push(content.split_off(..length as usize)?, source, received);
    }
    Some(Record { function, chunk })
}

fn take<const N: usize>(content: &mut &[u8]) -> Option<[u8; N]> {
    content.split_off(..N)?.try_into().ok()
}

/// What stands at some place of a segment.
pub enum Found {
    /// A chunk.
    Record(Record),
    /// Something that can't be read.
    Damage,
}

/// A segment that is read.
pub struct Reader {
    file: File,
}

impl Reader {
    /// Opens the segment at `path`.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Reader { file: File::open(path)? })
    }

    /// What is at `offset`, and the offset of what follows it. The segment is whole up to `end`, if it is not damaged.
    pub fn at(&self, offset: u64, end: u64) -> (Found, u64) {
        let mut head = [0; HEAD];
        let begin = offset + HEAD as u64;
        if begin > end || self.file.read_exact_at(&mut head, offset).is_err() {
            return (Found::Damage, end);
        }
        let [a, b, c, d, e, f, g, h] = head;
        let (length, checksum) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        let next = begin + u64::from(length);
        // Nobody can know where the next one begins. A file that was never written to the disk may be zeros.
        if next > end || length == 0 || length as usize > MAX_RECORD {
            return (Found::Damage, end);
        }
        let mut content = vec![0; length as usize];
        let whole = self.file.read_exact_at(&mut content, begin).is_ok() && crc32fast::hash(&content) == checksum;
        let record = whole.then(|| decode(&content)).flatten();
        (record.map_or(Found::Damage, Found::Record), next)
    }
}
