//! The ordered lane: one thread that decodes, runs the functions and merges, in the order of arrival.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::{Equivalent, HashSet};
use tokio::sync::watch;
use upto_wire::{Kind, Report, Time, WireError, msgpack};

use super::foreign::Receivers;
use super::{Datagrams, Job, QueueReader};
use crate::batch::{Ack, Handover, Pending, Write};
use crate::clock;
use crate::event::LabelText;
use crate::store::NewTimeline;
use crate::telemetry::Telemetry;
use crate::transform::{Chain, Programs, Stats};

/// While more keeps coming, a batch waits at most so long to grow.
const LINGER: Duration = Duration::from_millis(10);
/// Names of timelines that are remembered as made. When full, all are forgotten and asked for again.
const KNOWN_TIMELINES: usize = 10_000;

/// The lane's state. See [`Lane::run`].
pub struct Lane {
    queue: QueueReader,
    chain: Chain,
    receivers: Receivers,
    programs: watch::Receiver<Programs>,
    pending: Pending,
    /// When the oldest pending report was added.
    since: Instant,
    handover: Handover,
    /// Timelines that reports named and that were made.
    known: HashSet<Named<String>>,
    telemetry: Arc<Telemetry>,
    stats: Arc<Stats>,
}

impl Lane {
    /// A lane that reads `queue`, runs `programs` and hands over what comes of it.
    pub fn new(
        queue: QueueReader,
        mut programs: watch::Receiver<Programs>,
        handover: Handover,
        telemetry: Arc<Telemetry>,
        stats: Arc<Stats>,
    ) -> Self {
        let chain = Chain::new(&programs.borrow_and_update(), &stats);
        Lane {
            queue,
            chain,
            receivers: Receivers::default(),
            programs,
            pending: Pending::default(),
            since: Instant::now(),
            handover,
            known: HashSet::new(),
            telemetry,
            stats,
        }
    }

    /// Works until it is told to stop, then hands over what is pending and ends.
    pub fn run(mut self) {
        loop {
            let job = if self.pending.is_empty() { self.queue.next() } else { self.queue.next_within(LINGER) };
            if self.programs.has_changed().unwrap_or(false) {
                self.chain = Chain::new(&self.programs.borrow_and_update(), &self.stats);
                self.receivers.clear();
            }
            match job {
                Job::Datagrams(chunk) => self.datagrams(&chunk),
                Job::Foreign(function, chunk) => self.foreign(&function, &chunk),
                // Its place among the bodies is given back once its reports are merged.
                Job::Reports { reports, ack, room: _room } => self.requested(reports, ack),
                Job::Flush => {}
                Job::Stop => break,
            }
            let lingered = self.queue.is_idle() || self.since.elapsed() >= LINGER;
            if lingered && self.handover.is_idle() {
                self.flush();
            }
        }
        self.flush();
    }

    fn datagrams(&mut self, chunk: &Datagrams) {
        let mut reports = Vec::with_capacity(chunk.len());
        for (datagram, source, received) in chunk.iter() {
            for report in msgpack::reports(datagram) {
                self.telemetry.received.add(1);
                match report.and_then(|report| admit(report, source, received)) {
                    Ok(report) => reports.push(report),
                    Err(error) => self.telemetry.refused.count(&error),
                }
            }
        }
        self.reports(reports, None);
    }

    fn foreign(&mut self, function: &Arc<str>, chunk: &Datagrams) {
        let programs = self.programs.borrow().clone();
        let (stats, telemetry) = (self.stats.clone(), self.telemetry.clone());
        let mut receivers = std::mem::take(&mut self.receivers);
        receivers.datagrams(function, chunk, &programs, &stats, &telemetry, |reports| self.reports(reports, None));
        self.receivers = receivers;
    }

    fn requested(&mut self, reports: Vec<Report<'static>>, ack: Ack) {
        self.reports(reports, Some(&ack));
        ack.done();
    }

    /// Runs the functions over admitted reports and merges what they leave.
    fn reports(&mut self, mut reports: Vec<Report<'_>>, ack: Option<&Ack>) {
        let applied = self.chain.apply(&mut reports);
        self.telemetry.function_drops.add(applied.dropped as u64);
        self.telemetry.function_extra.add(applied.added as u64);
        let received = clock::now();
        for report in &reports {
            self.merge(report, received, ack);
        }
    }

    fn merge(&mut self, report: &Report<'_>, received: Time, ack: Option<&Ack>) {
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
        self.pending.add(report, received, ack);
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
