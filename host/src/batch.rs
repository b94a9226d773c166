//! Batches: reports that meet are merged, and what comes of them is written together.
//!
//! [`Pending`] collects on the lane's thread; [`run_writer`] writes, one batch at a time, so that what is received
//! during a write makes the next batch: alone a report is written at once, under load batches grow.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use upto_wire::{Report, Time};

use crate::event::{Event, EventKey};
use crate::ingest::{Job, Queue};
use crate::store::{Batch, Change, NewTimeline, Store, StoreError, Target, TimelineKey};
use crate::telemetry::Telemetry;

/// Events that one batch changes at the most.
pub const MAX_CHANGES: usize = 5_000;
/// Text that one batch holds at the most, in bytes; the report that goes over it is still taken.
pub const MAX_BYTES: usize = 4 << 20;
/// Pauses between tries while the store is away: the first and the longest.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Commits that a slow listener may fall behind; then it is told that it missed some.
const COMMITS_KEPT: usize = 1_024;

/// What became of the reports of a request: the timeline made last for it if any, or why not all were stored.
pub type Receipt = Result<Option<TimelineKey>, Refused>;

/// Why reports that were accepted did not get into the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The store refuses an event; sending it again will fail again.
    #[error("the store refuses it: {0}")]
    ByStore(String),
    /// The server stops and could not reach the store.
    #[error("the server stopped before the store took it")]
    Stopped,
}

/// Tells whoever waits for reports to be stored. Each batch that holds some of them keeps a clone; when the last clone
/// is gone, the receipt is sent.
#[derive(Clone)]
pub struct Ack(Arc<AckState>);

struct AckState {
    waiting: Mutex<Option<oneshot::Sender<Receipt>>>,
    receipt: Mutex<Receipt>,
}

impl Ack {
    /// An acknowledgement and where its receipt arrives.
    pub fn new() -> (Self, oneshot::Receiver<Receipt>) {
        let (sender, receiver) = oneshot::channel();
        let state = AckState { waiting: Mutex::new(Some(sender)), receipt: Mutex::new(Ok(None)) };
        (Ack(Arc::new(state)), receiver)
    }

    fn made(&self, timeline: &TimelineKey) {
        if let Ok(made) = &mut *self.0.receipt.lock().unwrap_or_else(PoisonError::into_inner) {
            *made = Some(timeline.clone());
        }
    }

    fn refuse(&self, refused: &Refused) {
        *self.0.receipt.lock().unwrap_or_else(PoisonError::into_inner) = Err(refused.clone());
    }
}

impl Drop for AckState {
    fn drop(&mut self) {
        let waiting = self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let receipt = std::mem::replace(self.receipt.get_mut().unwrap_or_else(PoisonError::into_inner), Ok(None));
        if let Some(waiting) = waiting {
            // Nobody waits any more where the request timed out.
            let _ = waiting.send(receipt);
        }
    }
}

/// Reports that wait to be written, merged by event.
#[derive(Default)]
pub struct Pending {
    changes: Vec<Change>,
    /// Indexes into `changes`, by context, target, name and host.
    index: HashTable<usize>,
    hasher: DefaultHashBuilder,
    reports: u64,
    bytes: usize,
    received_at: Time,
    acks: Vec<Ack>,
}

impl Pending {
    /// Takes a report in. Its time is set; it is no new-timeline report.
    pub fn add(&mut self, report: &Report<'_>, received: Time) {
        self.reports += 1;
        self.received_at = self.received_at.max(received);
        let event = Event::of_report(report, received);
        self.bytes += event.label_bytes();
        let timeline = report.timeline.as_deref();
        let identity = (&*report.context, timeline, &*report.name, &*report.host);
        let hash = self.hasher.hash_one(identity);
        match self.index.find(hash, |at| self.changes[*at].identity() == identity) {
            Some(at) => self.changes[*at].event.merge(event),
            None => {
                self.bytes += report.context.len() + report.name.len() + report.host.len();
                let target = timeline.map_or(Target::Active, |name| Target::Named(name.to_owned()));
                let key = EventKey { name: report.name.to_string(), host: report.host.to_string() };
                self.changes.push(Change { context: report.context.to_string(), target, key, event });
                let (changes, hasher) = (&self.changes, &self.hasher);
                self.index.insert_unique(hash, changes.len() - 1, |at| hasher.hash_one(changes[*at].identity()));
            }
        }
    }

    /// Tells `ack` when all that was added so far is written.
    pub fn acknowledge(&mut self, ack: Ack) {
        self.acks.push(ack);
    }

    /// Whether there is nothing to write and nobody to tell.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.acks.is_empty()
    }

    /// Whether it should be written before more is added.
    pub fn is_full(&self) -> bool {
        self.changes.len() >= MAX_CHANGES || self.bytes >= MAX_BYTES
    }

    /// Takes out what is pending as one batch, in the order that all writers keep.
    pub fn take(&mut self) -> Write {
        self.index.clear();
        self.bytes = 0;
        let mut changes = std::mem::take(&mut self.changes);
        changes.sort_unstable_by(|a, b| a.order().cmp(&b.order()));
        Write::Batch {
            batch: Batch { changes, received_at: self.received_at },
            reports: std::mem::take(&mut self.reports),
            acks: std::mem::take(&mut self.acks),
        }
    }
}

impl Change {
    fn identity(&self) -> (&str, Option<&str>, &str, &str) {
        let timeline = match &self.target {
            Target::Active => None,
            Target::Named(name) => Some(name.as_str()),
        };
        (&self.context, timeline, &self.key.name, &self.key.host)
    }

    fn order(&self) -> (&str, &Target, &EventKey) {
        (&self.context, &self.target, &self.key)
    }
}

/// What the writer is given, in order.
pub enum Write {
    /// Changes to events.
    Batch {
        /// The changes; may be none where only acknowledgements wait.
        batch: Batch,
        /// How many reports they are made of.
        reports: u64,
        /// Told when they are stored.
        acks: Vec<Ack>,
    },
    /// A timeline to be made before what follows.
    Timeline {
        /// The timeline.
        new: NewTimeline,
        /// One if a report asked for it, none if it is made because a report names it.
        reports: u64,
        /// Told when it is made.
        ack: Option<Ack>,
    },
}

/// The lane's side of what is handed to the writer. One write may wait while another is done.
pub struct Handover {
    writes: mpsc::Sender<Write>,
    undone: Arc<AtomicUsize>,
}

/// The writer's side.
pub struct Inbox {
    writes: mpsc::Receiver<Write>,
    undone: Arc<AtomicUsize>,
}

/// From a lane to its writer.
pub fn handover() -> (Handover, Inbox) {
    let (sender, receiver) = mpsc::channel(1);
    let undone = Arc::new(AtomicUsize::new(0));
    (Handover { writes: sender, undone: undone.clone() }, Inbox { writes: receiver, undone })
}

impl Handover {
    /// Hands a write over, waiting for room: this is where a slow store holds up the lane.
    pub fn send(&self, write: Write) {
        self.undone.fetch_add(1, Ordering::Relaxed);
        // The writer outlives the lane, as it ends only when this sender is gone.
        let _ = self.writes.blocking_send(write);
    }

    /// Whether all that was handed over is done.
    pub fn is_idle(&self) -> bool {
        self.undone.load(Ordering::Relaxed) == 0
    }
}

/// Tells of timelines that this instance's commits touched. Listeners that fall behind learn that they missed some.
pub fn commits() -> broadcast::Sender<TimelineKey> {
    broadcast::channel(COMMITS_KEPT).0
}

/// What the writer works with.
pub struct Writer {
    /// Where to write.
    pub store: Arc<dyn Store>,
    /// Whom to tell of commits.
    pub commits: broadcast::Sender<TimelineKey>,
    /// The lane, woken when the writer is free again.
    pub queue: Queue,
    /// What to count.
    pub telemetry: Arc<Telemetry>,
    /// Becomes true when the store has no more time: what it has not taken by then is lost and counted.
    pub give_up: watch::Receiver<bool>,
}

/// Writes what comes until the lane has ended.
pub async fn run_writer(mut writer: Writer, mut inbox: Inbox) {
    while let Some(write) = inbox.writes.recv().await {
        match write {
            Write::Batch { batch, reports, acks } => writer.write(batch, reports, &acks).await,
            Write::Timeline { new, reports, ack } => writer.make(&new, reports, ack).await,
        }
        if inbox.undone.fetch_sub(1, Ordering::Relaxed) == 1 {
            // A full queue keeps the lane awake as it is.
            let _ = writer.queue.try_send(Job::Flush);
        }
    }
}

impl Writer {
    /// Writes a batch. Where the store refuses one, it is split until the refused event is alone.
    async fn write(&mut self, batch: Batch, reports: u64, acks: &[Ack]) {
        let mut parts = vec![batch];
        let mut lost = 0;
        while let Some(mut part) = parts.pop() {
            if part.changes.is_empty() {
                continue;
            }
            match self.persist(&part).await {
                Ok(touched) => self.committed(touched),
                Err(Refused::ByStore(_)) if part.changes.len() > 1 => {
                    let half = part.changes.split_off(part.changes.len() / 2);
                    parts.push(Batch { changes: half, received_at: part.received_at });
                    parts.push(part);
                }
                Err(refused) => {
                    lost += part.changes.len() as u64;
                    tracing::error!(events = part.changes.len(), reason = %refused, "reports are lost");
                    acks.iter().for_each(|ack| ack.refuse(&refused));
                }
            }
        }
        self.telemetry.stored.add(reports.saturating_sub(lost));
        self.telemetry.lost.add(lost);
    }

    async fn make(&mut self, new: &NewTimeline, reports: u64, ack: Option<Ack>) {
        let store = self.store.clone();
        match self.retry(|| store.new_timeline(new)).await {
            Ok(timeline) => {
                if let Some(ack) = ack {
                    ack.made(&timeline);
                }
                self.telemetry.stored.add(reports);
                self.committed(vec![timeline]);
            }
            Err(refused) => {
                tracing::error!(context = new.context, reason = %refused, "a timeline could not be made");
                self.telemetry.lost.add(reports);
                if let Some(ack) = ack {
                    ack.refuse(&refused);
                }
            }
        }
    }

    async fn persist(&mut self, batch: &Batch) -> Result<Vec<TimelineKey>, Refused> {
        let store = self.store.clone();
        self.retry(|| store.write(batch)).await
    }

    fn committed(&self, touched: Vec<TimelineKey>) {
        self.telemetry.batches.add(1);
        for timeline in touched {
            // Nobody may be listening.
            let _ = self.commits.send(timeline);
        }
    }

    /// Does it until the store takes or refuses it, or time is up.
    async fn retry<T, F>(&mut self, mut attempt: impl FnMut() -> F) -> Result<T, Refused>
    where
        F: Future<Output = crate::store::Result<T>>,
    {
        let (mut pause, longest) = RETRY_PAUSE;
        let mut away = false;
        loop {
            let error = match attempt().await {
                Ok(done) => {
                    if away {
                        tracing::info!("the store answers again");
                    }
                    return Ok(done);
                }
                Err(StoreError::Rejected(reason)) => return Err(Refused::ByStore(reason)),
                Err(error) => error,
            };
            if !std::mem::replace(&mut away, true) {
                tracing::warn!(%error, "the store is away; reports wait");
            }
            self.telemetry.retries.add(1);
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(longest),
                _ = self.give_up.wait_for(|give_up| *give_up) => return Err(Refused::Stopped),
            }
        }
    }
}
