//! The ordered lane: one thread that decodes, runs the functions and merges, in the order of arrival.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::{Equivalent, HashSet};
use tokio::sync::watch;
use upto_wire::{Kind, Report, Time, WireError, msgpack};

use super::flood::Flood;
use super::foreign::Receivers;
use super::http::Admitted;
use super::spool::Record;
use super::{Datagrams, Job, QueueReader};
use crate::batch::{Ack, Handover, Pending, Write};
use crate::clock;
use crate::event::{FunctionSet, LabelText};
use crate::store::NewTimeline;
use crate::store::functions::DeadLetter;
use crate::telemetry::Telemetry;
use crate::transform::chain::ChangedBy;
use crate::transform::recent::Recent;
use crate::transform::{Applied, Chain, Dead, LiveSet};

/// A batch waits at most so long to grow: while more keeps coming, and once it is not small any more.
const LINGER: Duration = Duration::from_millis(25);
/// Events of a batch that is small. What has more came in a stream, and is cheaper in few large batches: each costs the store
/// as much as some hundred events, and ends meet their starts in it.
const SMALL: usize = 100;
/// Names of timelines that are remembered as made. When full, all are forgotten and asked for again.
const KNOWN_TIMELINES: usize = 10_000;

/// The lane's state. See [`Lane::run`].
pub struct Lane {
    queue: QueueReader,
    chain: Chain,
    receivers: Receivers,
    flood: Flood,
    live: watch::Receiver<LiveSet>,
    recent: Arc<Recent>,
    pending: Pending,
    /// When the oldest pending report was added.
    since: Instant,
    handover: Handover,
    /// Timelines that reports named and that were made.
    known: HashSet<Named<String>>,
    telemetry: Arc<Telemetry>,
    letter_ids: LetterIds,
}

impl Lane {
    /// A lane that reads `queue`, runs the functions that are `live` and hands over what comes of it. Datagrams pass
    /// `flood` first.
    pub fn new(
        queue: QueueReader,
        flood: Flood,
        mut live: watch::Receiver<LiveSet>,
        recent: Arc<Recent>,
        handover: Handover,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let chain = Chain::new(&live.borrow_and_update());
        Lane {
            queue,
            chain,
            receivers: Receivers::default(),
            flood,
            live,
            recent,
            pending: Pending::default(),
            since: Instant::now(),
            handover,
            known: HashSet::new(),
            telemetry,
            letter_ids: LetterIds::new(),
        }
    }

    /// Works until it is told to stop, then hands over what is pending and ends.
    pub fn run(mut self) {
        loop {
            let job = if self.pending.is_empty() { self.queue.next() } else { self.queue.next_within(LINGER) };
            if self.live.has_changed().unwrap_or(false) {
                let live = self.live.borrow_and_update();
                self.chain.update(&live);
                self.receivers.update(&live);
            }
            match job {
                Job::Datagrams(chunk) => self.datagrams(&chunk, None),
                Job::Foreign(function, chunk) => self.foreign(&function, &chunk, None),
                Job::Spooled(Record { function, chunk }, ack) => {
                    match function {
                        Some(function) => self.foreign(&function, &chunk, Some(&ack)),
                        None => self.datagrams(&chunk, Some(&ack)),
                    }
                    ack.done();
                }
                // Its place among the bodies is given back once its reports are merged.
                Job::Reports { reports, made_by, ack, room: _room } => self.requested(reports, &made_by, ack),
                Job::Replay { reports, place: (order, name), ack } => {
                    let applied = self.chain.resume((order, &name), reports);
                    self.take(applied, &FunctionSet::default(), Some(&ack));
                    ack.done();
                }
                Job::Flush => {}
                Job::Stop => break,
            }
            if self.handover.is_idle() && self.is_due() {
                self.flush();
            }
        }
        self.flush();
    }

    /// Whether what is pending has waited long enough.
    fn is_due(&self) -> bool {
        let at_once = self.pending.is_awaited() || self.pending.len() <= SMALL;
        (at_once && self.queue.is_idle()) || self.since.elapsed() >= LINGER
    }

    fn datagrams(&mut self, chunk: &Datagrams, ack: Option<&Ack>) {
        let mut reports = Vec::with_capacity(chunk.len());
        for (datagram, source, received) in chunk.iter() {
            for report in msgpack::reports(datagram) {
                self.telemetry.received.add(1);
                match report.and_then(|report| admit(report, source, received)) {
                    Ok(report) if self.flood.admits(source, &report, received) => reports.push(report),
                    // Counted there.
                    Ok(_) => {}
                    Err(error) => self.telemetry.refused.count(&error),
                }
            }
        }
        self.reports(reports, &FunctionSet::default(), ack);
    }

    fn foreign(&mut self, function: &Arc<str>, chunk: &Datagrams, ack: Option<&Ack>) {
        let (live, telemetry) = (self.live.borrow().clone(), self.telemetry.clone());
        let mut receivers = std::mem::take(&mut self.receivers);
        receivers.datagrams(function, chunk, &live, &telemetry, |reports, made_by| self.reports(reports, made_by, ack));
        self.receivers = receivers;
    }

    fn requested(&mut self, reports: Admitted, made_by: &FunctionSet, ack: Ack) {
        reports.take(|reports| self.reports(reports, made_by, Some(&ack)));
        ack.done();
    }

    /// Runs the functions over admitted reports and takes what they leave.
    fn reports(&mut self, reports: Vec<Report<'_>>, made_by: &FunctionSet, ack: Option<&Ack>) {
        self.recent.offer(&reports);
        let applied = self.chain.apply(reports);
        self.take(applied, made_by, ack);
    }

    /// Counts what the functions did, and merges what they left.
    fn take(&mut self, applied: Applied<'_>, made_by: &FunctionSet, ack: Option<&Ack>) {
        self.telemetry.function_drops.add(applied.counts.dropped as u64);
        self.telemetry.function_extra.add(applied.counts.added as u64);
        let received = clock::now();
        if !applied.dead.is_empty() {
            let letters = applied.dead.into_iter().map(|dead| self.letter_ids.letter(dead, received)).collect();
            self.handover.send(Write::DeadLetters { letters, ack: ack.map(Ack::part) });
        }
        let mut latest = (ChangedBy::default(), made_by.clone());
        for (report, changed_by) in applied.reports.iter().zip(applied.changed_by) {
            if changed_by != latest.0 {
                latest = (changed_by, made_by.then(self.chain.names(changed_by)));
            }
            self.merge(report, latest.1.clone(), received, ack);
        }
    }

    fn merge(&mut self, report: &Report<'_>, functions: FunctionSet, received: Time, ack: Option<&Ack>) {
        if report.kind == Kind::New {
            self.make(report, received, 1, ack);
            return;
        }
        if let Some(timeline) = &report.timeline {
            let named = Named { context: &*report.context, name: &**timeline };
            if !self.known.contains(&named) {
                self.make(report, received, 0, None);
                self.remember(named);
            }
        }
        if self.pending.is_empty() {
            self.since = Instant::now();
        }
        self.pending.add(report, functions, received, ack);
        if self.pending.is_full() {
            self.flush();
        }
    }

    /// Has a timeline made after all that came before it, and before all that comes after.
    fn make(&mut self, report: &Report<'_>, received: Time, reports: u64, ack: Option<&Ack>) {
        self.flush();
        let asked_for = report.kind == Kind::New;
        let new = NewTimeline {
            context: report.context.to_string(),
            name: report.timeline.as_deref().map(str::to_owned),
            labels: if asked_for { LabelText::of(&report.labels) } else { LabelText::default() },
            at: report.time.unwrap_or(received),
            received_at: received,
        };
        self.handover.send(Write::Timeline { new, reports, ack: ack.map(Ack::part) });
    }

    fn remember(&mut self, Named { context, name }: Named<&str>) {
        if self.known.len() >= KNOWN_TIMELINES {
            self.known.clear();
        }
        self.known.insert(Named { context: context.to_owned(), name: name.to_owned() });
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.handover.send(self.pending.take());
        }
    }
}

/// Makes the ids of dead letters: in order of time, and of no other instance.
struct LetterIds {
    instance: u64,
    count: u64,
}

impl LetterIds {
    fn new() -> Self {
        // The standard library's source of random numbers.
        let instance = RandomState::new().hash_one(std::process::id());
        LetterIds { instance, count: 0 }
    }

    fn letter(&mut self, dead: Dead, at: Time) -> DeadLetter {
        self.count += 1;
        let Dead { function, version, failure, report } = dead;
        DeadLetter {
            id: format!("{:016x}-{:08x}-{:016x}", at.micros(), self.count, self.instance),
            function,
            version,
            cause: failure.cause.as_str().to_owned(),
            reason: failure.message,
            // A report always has a JSON form.
            report: serde_json::to_string(&report).unwrap_or_default(),
            at,
        }
    }
}

/// A timeline by its name. Found by borrowed text, so that a report that names a known one allocates nothing.
#[derive(PartialEq, Eq, Hash)]
struct Named<T> {
    context: T,
    name: T,
}

impl Equivalent<Named<String>> for Named<&str> {
    fn equivalent(&self, other: &Named<String>) -> bool {
        self.context == other.context && self.name == other.name
    }
}

/// Takes a decoded report in: checks it and fills in what the sender left to the receipt.
///
/// # Errors
/// Why it is refused.
pub fn admit<'a>(mut report: Report<'a>, source: IpAddr, received: Time) -> Result<Report<'a>, WireError> {
    if std::mem::take(&mut report.auto_ip) && report.host.is_empty() {
        report.host = source.to_string().into();
    }
    report.time.get_or_insert(received);
    report.check()?;
    Ok(report)
}
