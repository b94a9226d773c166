//! From bytes to reports in the lane: the datagram socket, and the queue that every report passes.

pub mod flood;
pub mod foreign;
pub mod http;
pub mod lane;
pub mod spool;
pub mod udp;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use upto_wire::{Report, Time};

use crate::batch::Ack;
use crate::event::FunctionSet;

/// Jobs that may wait for the lane. A job is a chunk of datagrams ([`udp::CHUNK_BYTES`] at most) or a request.
pub const QUEUE_JOBS: usize = 128;

/// What the lane works on, in the order in which it came.
pub enum Job {
    /// Datagrams as received.
    Datagrams(Datagrams),
    /// Datagrams in a foreign format, and the function that makes reports of them.
    Foreign(Arc<str>, Datagrams),
    /// A chunk that waited on disk, with whom to tell when its reports are stored.
    Spooled(spool::Record, Ack),
    /// Reports that were decoded and checked, with whom to tell when they are stored.
    Reports {
        /// The reports, their times set.
        reports: http::Admitted,
        /// The function that made them, if one did.
        made_by: FunctionSet,
        /// Told once all are stored.
        ack: Ack,
        /// Their place among the bodies that may be in memory.
        room: OwnedSemaphorePermit,
    },
    /// Dead letters that get another chance.
    Replay {
        /// The reports.
        reports: Vec<Report<'static>>,
        /// The order and the name of the function that failed on them: they go on from there.
        place: (i32, String),
        /// Told once all are stored, or are dead letters again.
        ack: Ack,
    },
    /// Nothing new; the writer is free again.
    Flush,
    /// Nothing comes after this.
    Stop,
}

/// Datagrams of one chunk, end to end in one buffer.
#[derive(Default)]
pub struct Datagrams {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    end: usize,
    source: IpAddr,
    received: Time,
}

impl Datagrams {
    /// An empty chunk with room for what this one holds.
    pub fn with_same_room(&self) -> Self {
        let (bytes, entries) = (self.bytes.len(), self.entries.len());
        Datagrams { bytes: Vec::with_capacity(bytes), entries: Vec::with_capacity(entries) }
    }

    /// Adds a datagram.
    pub fn push(&mut self, datagram: &[u8], source: IpAddr, received: Time) {
        self.bytes.extend_from_slice(datagram);
        self.entries.push(Entry { end: self.bytes.len(), source, received });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Their bytes, senders and times of receipt.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], IpAddr, Time)> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let datagram = &self.bytes[start..entry.end];
            start = entry.end;
            (datagram, entry.source, entry.received)
        })
    }
}

/// The sending side of the lane's queue. It never waits.
#[derive(Clone)]
pub struct Queue {
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
}

/// The lane's side of the queue.
pub struct QueueReader {
    jobs: Receiver<Job>,
    waiting: Arc<AtomicUsize>,
}

/// A queue of [`QUEUE_JOBS`].
pub fn queue() -> (Queue, QueueReader) {
    let (sender, receiver) = sync_channel(QUEUE_JOBS);
    let waiting = Arc::new(AtomicUsize::new(0));
    (Queue { jobs: sender, waiting: waiting.clone() }, QueueReader { jobs: receiver, waiting })
}

impl Queue {
    /// Puts a job in; gives it back where the queue is full or the lane has ended.
    pub fn try_send(&self, job: Job) -> Result<(), Job> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.jobs.try_send(job).map_err(|error| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
            }
        })
    }

    /// Puts a job in, waiting for room. For the last one, when nothing else is sent any more.
    pub fn send(&self, job: Job) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // The lane has ended where this fails; then there is nothing left to do.
        let _ = self.jobs.send(job);
    }

    /// Whether the lane has nothing waiting. A hint.
    pub fn is_idle(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }
}

impl QueueReader {
    /// The next job, waiting for it; [`Job::Stop`] once all senders are gone.
    pub fn next(&self) -> Job {
        self.jobs.recv().map_or(Job::Stop, |job| self.took(job))
    }

    /// The next job if it comes within `wait`, else [`Job::Flush`].
    pub fn next_within(&self, wait: Duration) -> Job {
        match self.jobs.recv_timeout(wait) {
            Ok(job) => self.took(job),
            Err(RecvTimeoutError::Timeout) => Job::Flush,
            Err(RecvTimeoutError::Disconnected) => Job::Stop,
        }
    }

    /// Whether nothing waits. A hint.
    pub fn is_idle(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    fn took(&self, job: Job) -> Job {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        job
    }
}
