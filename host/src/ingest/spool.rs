//! The spool: datagrams that wait on disk while the store is away and the queue is full, in segments that are read back in
//! order once it takes reports again. A segment is deleted when all of its reports are committed and not before, so that
//! what was spooled survives the server; what was read back and not yet deleted is read again then, as reports merge.
//!
//! Written is what the system has taken: a machine that fails may lose the last seconds.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Datagrams, Job, Queue};
use crate::batch::{Ack, Receipt, Refused};
use crate::telemetry::Telemetry;

mod segment;
#[cfg(test)]
mod tests;

pub use segment::Record;
use segment::{Found, Reader, encode};

/// A segment of so many bytes is followed by another one.
const SEGMENT_BYTES: u64 = 1 << 20;
/// Chunks that are on their way from the spool to the store at the same time: few, so that requests find room in the
/// queue, and enough for large batches.
const IN_FLIGHT: usize = 8;
/// How long the reader waits for room in the queue, or for something to read, before it looks again.
const PAUSE: Duration = Duration::from_millis(10);
/// How often an idle reader looks whether it should stop.
const STOP_CHECK: Duration = Duration::from_millis(100);
/// What the name of a segment ends with; before it is its number.
const SUFFIX: &str = ".spool";

/// A folder of segments.
pub struct Spool {
    folder: PathBuf,
    limit: u64,
    state: Mutex<State>,
    /// Something was added.
    more: Condvar,
    /// Whether there is something that is not in the queue yet.
    waiting: AtomicBool,
    /// Locked for as long as it is open.
    _lock: File,
}

#[derive(Default)]
struct State {
    /// Oldest first.
    segments: VecDeque<Segment>,
    /// Writes to the last one.
    writer: Option<File>,
    /// The number of the next one.
    next: u64,
    /// Of all segments.
    bytes: u64,
    record: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Segment {
    number: u64,
    length: u64,
}

impl Spool {
    /// Opens a folder, made where there is none, that may hold what a former server left. All segments have at most
    /// `limit` bytes together.
    ///
    /// # Errors
    /// Those of the system; also where another server uses the folder.
    pub fn open(folder: &Path, limit: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.try_lock().map_err(|_| io::Error::other("another server uses it"))?;
        let mut segments = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(number) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok()) {
                segments.push(Segment { number, length: entry.metadata()?.len() });
            }
        }
        segments.sort_unstable_by_key(|segment| segment.number);
        let next = segments.last().map_or(1, |last| last.number + 1);
        let bytes = segments.iter().map(|segment| segment.length).sum();
        let waiting = AtomicBool::new(!segments.is_empty());
        let state = State { segments: segments.into(), next, bytes, ..State::default() };
        Ok(Spool {
            folder: folder.to_owned(),
            limit,
            state: Mutex::new(state),
            more: Condvar::new(),
            waiting,
            _lock: lock,
        })
    }

    /// Whether it holds chunks that have yet to go before what comes now. A hint.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Adds a chunk at the end; false where there is no room, or the disk does not take it.
    pub fn push(&self, function: Option<&str>, chunk: &Datagrams, telemetry: &Telemetry) -> bool {
        let mut state = self.state();
        encode(function, chunk, &mut state.record);
        let length = state.record.len() as u64;
        let written = if state.bytes + length > self.limit { Ok(false) } else { state.append(self).map(|()| true) };
        let written = written.unwrap_or_else(|error| {
            // What follows goes to another segment, as this one may end with half a record.
            state.writer = None;
            tracing::warn!(%error, "the spool can't be written to");
            false
        });
        if written {
            telemetry.spooled.add(1);
            self.waiting.store(true, Ordering::Relaxed);
            self.more.notify_one();
        } else {
            telemetry.spool_drops.add(1);
        }
        telemetry.spool_bytes.set(state.bytes);
        written
    }

    /// Reads back until `stop` is set, and waits for what is then still on its way.
    pub fn replay(&self, queue: &Queue, telemetry: &Telemetry, stop: &AtomicBool) {
        let mut place = Place::default();
        let mut in_flight: VecDeque<(u64, oneshot::Receiver<Receipt>)> = VecDeque::new();
        telemetry.spool_bytes.set(self.state().bytes);
        loop {
            let next = if in_flight.len() < IN_FLIGHT && !stop.load(Ordering::Relaxed) {
                self.read(&mut place, telemetry)
            } else {
                None
            };
            if let Some((record, after)) = next {
                let (ack, receipt) = Ack::new();
                if !hand_on(queue, Job::Spooled(record, ack), stop) {
                    continue;
                }
                telemetry.unspooled.add(1);
                in_flight.push_back((place.number, receipt));
                place.offset = after;
            } else if let Some((_, receipt)) = in_flight.pop_front() {
                // Without a receipt the server is stopping: what is not known to be stored stays.
                match receipt.blocking_recv() {
                    Ok(Ok(_) | Err(Refused::ByStore(_))) => {}
                    Ok(Err(Refused::Stopped)) | Err(_) => return,
                }
                self.delete_before(in_flight.front().map_or(place.number, |(number, _)| *number), telemetry);
            } else if stop.load(Ordering::Relaxed) {
                return;
            } else {
                // What was damaged alone is gone, too.
                self.delete_before(place.number, telemetry);
                self.wait();
            }
        }
    }

    /// The next chunk, and the offset of what follows it.
    fn read(&self, place: &mut Place, telemetry: &Telemetry) -> Option<(Record, u64)> {
        loop {
            let end = self.end_at(place)?;
            let path = self.path(place.number);
            let reader = match &mut place.reader {
                Some(reader) => Ok(reader),
                empty => Reader::open(&path).map(|reader| empty.insert(reader)),
            };
            let (found, after) = reader.map_or((Found::Damage, end), |reader| reader.at(place.offset, end));
            match found {
                Found::Record(record) => return Some((record, after)),
                Found::Damage => {
                    telemetry.spool_damage.add(1);
                    tracing::warn!(file = %path.display(), offset = place.offset, "the spool is damaged here");
                    place.offset = after;
                }
            }
        }
    }

    /// Where the segment ends in which there is something to be read, to which `place` is moved. `None` if there is nothing:
    /// then what comes need not go through the spool.
    fn end_at(&self, place: &mut Place) -> Option<u64> {
        let mut state = self.state();
        let first = state.segments.partition_point(|segment| segment.number < place.number);
        let read = |segment: &Segment| if segment.number == place.number { place.offset } else { 0 };
        let unread = |segment: &Segment| read(segment) < segment.length;
        let Some(Segment { number, length }) = state.segments.iter().skip(first).copied().find(unread) else {
            state.writer = None;
            *place = Place { number: state.next, ..Place::default() };
            self.waiting.store(false, Ordering::Relaxed);
            return None;
        };
        if number != place.number {
            *place = Place { number, ..Place::default() };
        }
        Some(length)
    }

    fn delete_before(&self, number: u64, telemetry: &Telemetry) {
        let mut state = self.state();
        while let Some(first) = state.segments.front().copied().filter(|first| first.number < number) {
            if let Err(error) = fs::remove_file(self.path(first.number)) {
                tracing::warn!(%error, number = first.number, "a segment of the spool can't be deleted");
            }
            state.segments.pop_front();
            state.bytes -= first.length;
        }
        telemetry.spool_bytes.set(state.bytes);
    }

    fn wait(&self) {
        let state = self.state();
        if !self.is_waiting() {
            // Whether it was woken or not, it looks.
            drop(self.more.wait_timeout(state, STOP_CHECK));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:010}{SUFFIX}"))
    }
}

impl State {
    /// Writes the record to the last segment, or to a new one.
    fn append(&mut self, spool: &Spool) -> io::Result<()> {
        if self.segments.back().is_none_or(|last| last.length >= SEGMENT_BYTES) {
            self.writer = None;
        }
        if self.writer.is_none() {
            // One that has taken nothing gives way: on a full disk there would be another one for each chunk.
            if let Some(empty) = self.segments.pop_back_if(|last| last.length == 0) {
                fs::remove_file(spool.path(empty.number))?;
            }
            self.writer = Some(File::create_new(spool.path(self.next))?);
            self.segments.push_back(Segment { number: self.next, length: 0 });
            self.next += 1;
        }
        if let (Some(writer), Some(last)) = (&mut self.writer, self.segments.back_mut()) {
            writer.write_all(&self.record)?;
            last.length += self.record.len() as u64;
            self.bytes += self.record.len() as u64;
        }
        Ok(())
    }
}

/// Where the reader is.
#[derive(Default)]
struct Place {
    number: u64,
    offset: u64,
    reader: Option<Reader>,
}

/// Puts a job into the queue, waiting for room; false if the server stops before there is any.
fn hand_on(queue: &Queue, mut job: Job, stop: &AtomicBool) -> bool {
    while !stop.load(Ordering::Relaxed) {
        match queue.try_send(job) {
            Ok(()) => return true,
            Err(back) => job = back,
        }
        std::thread::sleep(PAUSE);
    }
    false
}
