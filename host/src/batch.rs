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
use upto_wire::{Kind, Report, Time};

use crate::event::{Event, EventKey, FunctionSet};
use crate::store::functions::DeadLetter;
use crate::store::{Batch, Change, NewTimeline, Store, StoreError, Target, TimelineKey};
use crate::telemetry::Telemetry;

/// Events that one batch changes at the most.
pub const MAX_CHANGES: usize = 10_000;
/// The same of a batch that somebody waits for: what senders in lock-step send makes two then, one that is written while the
/// other is decoded.
const MAX_AWAITED_CHANGES: usize = 5_000;
/// Text that one batch holds at the most, in bytes; the report that goes over it is still taken.
pub const MAX_BYTES: usize = 4 << 20;
/// Pauses between tries while the store is away: the first and the longest.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Commits that a slow listener may fall behind; then it is told that it missed some.
const COMMITS_KEPT: usize = 1_024;

/// What became of the reports of a request, or why not all were stored.
pub type Receipt = Result<Stored, Refused>;

/// What was made of reports that are all stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// The timeline that was made last for them, if any.
    pub made: Option<TimelineKey>,
    /// How many are kept as dead letters.
    pub dead_letters: u64,
}

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

/// Tells whoever waits for reports to be stored. It is one of several parts: the lane has one while it works on the
/// request, and so has each write that holds some of its reports. The receipt is sent when the last part is gone, and is
/// good only if every part was [done](Ack::done): one that is lost on the way is never taken for a commit.
pub struct Ack(Arc<AckState>);

struct AckState {
    waiting: Mutex<Option<oneshot::Sender<Receipt>>>,
    receipt: Mutex<Receipt>,
    undone: AtomicUsize,
}

impl Ack {
    /// The first part of an acknowledgement, and where its receipt arrives.
    pub fn new() -> (Self, oneshot::Receiver<Receipt>) {
        let (sender, receiver) = oneshot::channel();
        let (waiting, receipt) = (Mutex::new(Some(sender)), Mutex::new(Ok(Stored::default())));
        (Ack(Arc::new(AckState { waiting, receipt, undone: AtomicUsize::new(1) })), receiver)
    }

    /// Another part.
    pub fn part(&self) -> Self {
        self.0.undone.fetch_add(1, Ordering::Relaxed);
        Ack(self.0.clone())
    }

    /// This part is stored, or has nothing to store.
    pub fn done(self) {
        // Before the part is dropped, so that whoever drops the last one sees it.
        self.0.undone.fetch_sub(1, Ordering::Relaxed);
    }

    fn is_of(&self, other: &Ack) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn made(&self, timeline: &TimelineKey) {
        self.note(|stored| stored.made = Some(timeline.clone()));
    }

    fn kept(&self, dead_letters: u64) {
        self.note(|stored| stored.dead_letters += dead_letters);
    }

    fn note(&self, what: impl FnOnce(&mut Stored)) {
        if let Ok(stored) = &mut *self.0.receipt.lock().unwrap_or_else(PoisonError::into_inner) {
            what(stored);
        }
    }

    fn refuse(&self, refused: &Refused) {
        *self.0.receipt.lock().unwrap_or_else(PoisonError::into_inner) = Err(refused.clone());
    }
}

impl Drop for AckState {
    fn drop(&mut self) {
        let waiting = self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let receipt = self.receipt.get_mut().unwrap_or_else(PoisonError::into_inner);
        let receipt = std::mem::replace(receipt, Ok(Stored::default()));
        let receipt = if *self.undone.get_mut() == 0 { receipt } else { receipt.and(Err(Refused::Stopped)) };
        if let Some(waiting) = waiting {
            // Nobody waits any more where the request timed out.
            let _ = waiting.send(receipt);
        }
    }
}

/// Reports that wait to be written, merged by event.
#[derive(Default)]
pub struct Pending {
    entries: Vec<Entry>,
    /// Indexes into `entries`, by [`Identity`].
    index: HashTable<usize>,
    places: Vec<Place>,
    /// Indexes into `places`, by context and timeline.
    place_index: HashTable<usize>,
    hasher: DefaultHashBuilder,
    bytes: usize,
    received_at: Time,
    acks: Vec<Ack>,
}

/// Where reports go.
struct Place {
    context: Arc<str>,
    target: Target,
}

/// What is said of one event, with those who said it.
struct Entry {
    /// Index of its place.
    place: usize,
    key: EventKey,
    event: Event,
    origin: Origin,
}

/// Where a change comes from.
#[derive(Default)]
pub struct Origin {
    /// How many reports it is made of.
    reports: u64,
    /// Which acknowledgements of its write wait for it.
    acks: Vec<usize>,
}

/// What makes reports one change: place, name, host, and whether it is an end that came before any start.
/// Such an end may belong to an older timeline, so a start that follows it is another change.
type Identity<'a> = (usize, &'a str, &'a str, bool);

impl Pending {
    /// Takes a report in that these functions changed, and has `ack` wait for it. Its time is set; it is no new-timeline
    /// report.
    pub fn add(&mut self, report: &Report<'_>, functions: FunctionSet, received: Time, ack: Option<&Ack>) {
        self.received_at = self.received_at.max(received);
        let event = Event { functions, ..Event::of_report(report, received) };
        self.bytes += event.label_bytes();
        let at = self.entry(report);
        let Entry { event: pending, origin, .. } = &mut self.entries[at];
        pending.merge(event);
        origin.reports += 1;
        if let Some(ack) = ack {
            if !self.acks.last().is_some_and(|last| last.is_of(ack)) {
                self.acks.push(ack.part());
            }
            let waiting = self.acks.len() - 1;
            if origin.acks.last() != Some(&waiting) {
                origin.acks.push(waiting);
            }
        }
    }

    /// The entry that a report is merged into, made where there is none.
    fn entry(&mut self, report: &Report<'_>) -> usize {
        let place = self.place(report);
        let identity = |stray| (place, &*report.name, &*report.host, stray);
        if let Some(begun) = self.find(identity(false)) {
            return begun;
        }
        let stray = report.timeline.is_none() && report.kind == Kind::End;
        if let Some(strays) = stray.then(|| self.find(identity(true))).flatten() {
            return strays;
        }
        self.bytes += report.name.len() + report.host.len();
        let key = EventKey { name: report.name.to_string(), host: report.host.to_string() };
        self.entries.push(Entry { place, key, event: Event::default(), origin: Origin::default() });
        let at = self.entries.len() - 1;
        let Pending { entries, places, hasher, index, .. } = self;
        let hash = hasher.hash_one(identity(stray));
        index.insert_unique(hash, at, |at| hasher.hash_one(entries[*at].identity(places)));
        at
    }

    fn find(&self, identity: Identity<'_>) -> Option<usize> {
        let hash = self.hasher.hash_one(identity);
        self.index.find(hash, |at| self.entries[*at].identity(&self.places) == identity).copied()
    }

    fn place(&mut self, report: &Report<'_>) -> usize {
        let Pending { places, hasher, place_index, bytes, .. } = self;
        let place = (&*report.context, report.timeline.as_deref());
        let hash = hasher.hash_one(place);
        if let Some(known) = place_index.find(hash, |at| places[*at].parts() == place) {
            return *known;
        }
        *bytes += place.0.len() + place.1.map_or(0, str::len);
        let target = place.1.map_or(Target::Active, |name| Target::Named(name.to_owned()));
        places.push(Place { context: place.0.into(), target });
        let at = places.len() - 1;
        place_index.insert_unique(hash, at, |at| hasher.hash_one(places[*at].parts()));
        at
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many events it changes.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether somebody waits for it.
    pub fn is_awaited(&self) -> bool {
        !self.acks.is_empty()
    }

    /// Whether it should be written before more is added.
    pub fn is_full(&self) -> bool {
        let limit = if self.is_awaited() { MAX_AWAITED_CHANGES } else { MAX_CHANGES };
        self.entries.len() >= limit || self.bytes >= MAX_BYTES
    }

    /// Takes out what is pending as one batch, in the order that a batch has.
    pub fn take(&mut self) -> Write {
        self.index.clear();
        self.place_index.clear();
        self.bytes = 0;
        // The next batch is much like this one; growing in steps would move it again and again.
        let next = Vec::with_capacity(self.entries.len());
        let mut entries = std::mem::replace(&mut self.entries, next);
        let places = std::mem::take(&mut self.places);
        let mut in_order: Vec<usize> = (0..places.len()).collect();
        in_order.sort_unstable_by_key(|place| places[*place].parts());
        let mut ranks = vec![0; places.len()];
        in_order.into_iter().enumerate().for_each(|(rank, place)| ranks[place] = rank);
        entries.sort_by_cached_key(|entry| ranks[entry.place]);
        let change = |Entry { place, key, event, origin }| {
            let Place { context, target } = &places[place];
            (Change { context: context.clone(), target: target.clone(), key, event }, origin)
        };
        let (changes, origins) = entries.into_iter().map(change).unzip();
        let acks = std::mem::take(&mut self.acks);
        Write::Batch { batch: Batch { changes, received_at: self.received_at }, origins, acks }
    }
}

impl Place {
    fn parts(&self) -> (&str, Option<&str>) {
        let timeline = match &self.target {
            Target::Active => None,
            Target::Named(name) => Some(name.as_str()),
        };
        (&self.context, timeline)
    }
}

impl Entry {
    /// Valid once a report was merged into it.
    fn identity(&self, places: &[Place]) -> Identity<'_> {
        let stray = places[self.place].target == Target::Active && self.event.is_end_alone();
        (self.place, &self.key.name, &self.key.host, stray)
    }
}

/// What the writer is given, in order.
pub enum Write {
    /// Changes to events.
    Batch {
        /// The changes.
        batch: Batch,
        /// Where each change comes from.
        origins: Vec<Origin>,
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
    /// Reports on which functions failed, to be kept for later.
    DeadLetters {
        /// The letters.
        letters: Vec<DeadLetter>,
        /// Told when they are kept.
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
        // Where the writer is gone, the server stops: the acknowledgements in the write tell so.
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
    /// Wakes the lane when the writer is free again.
    pub wake: Box<dyn Fn() + Send + Sync>,
    /// What to count.
    pub telemetry: Arc<Telemetry>,
    /// Becomes true when the store has no more time: what it has not taken by then is lost and counted.
    pub give_up: watch::Receiver<bool>,
}

/// Writes what comes until the lane has ended.
pub async fn run_writer(mut writer: Writer, mut inbox: Inbox) {
    while let Some(write) = inbox.writes.recv().await {
        match write {
            Write::Batch { batch, origins, acks } => writer.write(batch, origins, acks).await,
            Write::Timeline { new, reports, ack } => writer.make(&new, reports, ack).await,
            Write::DeadLetters { letters, ack } => writer.keep(letters, ack).await,
        }
        if inbox.undone.fetch_sub(1, Ordering::Relaxed) == 1 {
            (writer.wake)();
        }
    }
}

impl Writer {
    /// Writes a batch. Where the store refuses one, it is split until the refused event is alone: only the requests that
    /// told of it are refused.
    async fn write(&mut self, batch: Batch, origins: Vec<Origin>, acks: Vec<Ack>) {
        let received_at = batch.received_at;
        let mut parts = vec![(batch, origins)];
        while let Some((mut part, mut origins)) = parts.pop() {
            let reports = origins.iter().map(|origin| origin.reports).sum();
            match self.persist(&part).await {
                Ok(touched) => {
                    self.telemetry.stored.add(reports);
                    self.committed(touched);
                }
                Err(Refused::ByStore(_)) if part.changes.len() > 1 => {
                    let half = part.changes.len() / 2;
                    let changes = part.changes.split_off(half);
                    parts.push((Batch { changes, received_at }, origins.split_off(half)));
                    parts.push((part, origins));
                }
                Err(refused) => {
                    self.telemetry.lost.add(reports);
                    tracing::error!(reports, reason = %refused, "reports are lost");
                    let waiting = origins.iter().flat_map(|origin| &origin.acks);
                    waiting.for_each(|ack| acks[*ack].refuse(&refused));
                }
            }
        }
        acks.into_iter().for_each(Ack::done);
    }

    async fn make(&mut self, new: &NewTimeline, reports: u64, ack: Option<Ack>) {
        let store = self.store.clone();
        match self.retry(|| store.new_timeline(new)).await {
            Ok(timeline) => {
                if let Some(ack) = ack {
                    ack.made(&timeline);
                    ack.done();
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

    /// Keeps dead letters, splitting as [`Writer::write`] does, so that a letter that the store refuses is lost alone.
    async fn keep(&mut self, letters: Vec<DeadLetter>, ack: Option<Ack>) {
        let store = self.store.clone();
        let mut parts = vec![letters.as_slice()];
        while let Some(part) = parts.pop() {
            let count = part.len() as u64;
            match self.retry(|| store.add_dead_letters(part)).await {
                Ok(()) => {
                    self.telemetry.dead_letters.add(count);
                    ack.iter().for_each(|ack| ack.kept(count));
                }
                Err(Refused::ByStore(_)) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(refused) => {
                    tracing::error!(reports = count, reason = %refused, "dead letters are lost");
                    self.telemetry.lost.add(count);
                    ack.iter().for_each(|ack| ack.refuse(&refused));
                }
            }
        }
        ack.into_iter().for_each(Ack::done);
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
            let attempt = async {
                tokio::select! {
                    biased;
                    _ = self.give_up.wait_for(|give_up| *give_up) => None,
                    done = attempt() => Some(done),
                }
            };
            let Some(done) = attempt.await else { return Err(Refused::Stopped) };
            let error = match done {
                Ok(done) => {
                    if away {
                        tracing::info!("the store takes reports again");
                    }
                    return Ok(done);
                }
                Err(StoreError::Rejected(reason)) => return Err(Refused::ByStore(reason)),
                Err(error) => error,
            };
            if !std::mem::replace(&mut away, true) {
                tracing::warn!(%error, "the store does not take reports; they wait");
            }
            self.telemetry.retries.add(1);
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(longest),
                _ = self.give_up.wait_for(|give_up| *give_up) => return Err(Refused::Stopped),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    fn letter(id: &str, reason: &str) -> DeadLetter {
        DeadLetter {
            id: id.to_owned(),
            function: "f".to_owned(),
            version: 1,
            cause: "error".to_owned(),
            reason: reason.to_owned(),
            report: "{}".to_owned(),
            at: Time::from_micros(0),
        }
    }

    #[tokio::test]
    async fn a_letter_that_the_store_refuses_is_lost_alone() {
        let database = upto_tests::postgres::Database::fresh().unwrap();
        let store = store::open(database.url()).await.unwrap();
        let (telemetry, (_give_up, give_up)) = (Arc::<Telemetry>::default(), watch::channel(false));
        let commits = commits();
        let mut writer =
            Writer { store: store.clone(), commits, wake: Box::new(|| ()), telemetry: telemetry.clone(), give_up };
        let (refused, refusal) = Ack::new();
        let letters = ["1", "2", "3", "4", "5"].map(|id| letter(id, if id == "4" { "a\0b" } else { "no" }));
        writer.keep(letters.into(), Some(refused)).await;
        assert!(matches!(refusal.await.unwrap(), Err(Refused::ByStore(_))));
        let kept = store.dead_letters("f", None, 10).await.unwrap();
        assert_eq!(kept.into_iter().map(|letter| letter.id).collect::<Vec<_>>(), ["1", "2", "3", "5"]);
        assert_eq!((telemetry.dead_letters.get(), telemetry.lost.get()), (4, 1));
        let (ack, receipt) = Ack::new();
        writer.keep(vec![letter("6", "no")], Some(ack)).await;
        assert_eq!(receipt.await.unwrap(), Ok(Stored { made: None, dead_letters: 1 }));
    }
}
