//! What functions do, counted by function and version, so that the counts outlive a reload.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use upto_wire::Report;

use super::breaker::Breaker;
use super::histogram::Histogram;
use super::log::{self, Journal, LINE_BYTES};
use super::tap::Tap;
use super::{Failure, FailureCause, Outcome, Rejection, Request};

/// Versions of a function that run nowhere and whose counts are kept.
const FORMER: usize = 3;
/// Functions whose taps and journals are kept; beyond it those that run nowhere are forgotten.
const FUNCTIONS: usize = 1_000;
/// What "lately" means.
const LATELY: Duration = Duration::from_secs(60);
/// Marks that are made in that time.
const MARKS: u32 = 20;
/// A function that fails on every report is told of in the log this often.
const LOG_AGAIN: Duration = Duration::from_secs(10);

impl FailureCause {
    /// All causes, in the order in which counters hold them.
    pub const ALL: [FailureCause; 4] =
        [FailureCause::Error, FailureCause::Time, FailureCause::Memory, FailureCause::Output];

    /// The label of its counter.
    pub const fn as_str(self) -> &'static str {
        match self {
            FailureCause::Error => "error",
            FailureCause::Time => "time",
            FailureCause::Memory => "memory",
            FailureCause::Output => "output",
        }
    }
}

/// The counts of all versions that ran since the start, and the taps and journals of functions.
#[derive(Debug, Default)]
pub struct Stats {
    versions: Mutex<BTreeMap<(String, u32), Arc<VersionStats>>>,
    taps: Mutex<BTreeMap<String, Arc<Tap>>>,
    journals: Mutex<BTreeMap<String, Arc<Journal>>>,
}

impl Stats {
    /// The counts of a version, which begin at zero.
    pub fn of(&self, function: &str, version: u32) -> Arc<VersionStats> {
        let mut all = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (function.to_owned(), version);
        let new = || Arc::new(VersionStats { function: function.to_owned(), version, ..VersionStats::default() });
        let stats = all.entry(key).or_insert_with(new).clone();
        let idle = all.iter().filter(|((name, _), stats)| name == function && Arc::strong_count(stats) == 1);
        let idle: Vec<_> = idle.map(|(key, _)| key.clone()).collect();
        for former in &idle[..idle.len().saturating_sub(FORMER)] {
            all.remove(former);
        }
        stats
    }

    /// Forgets a function that was deleted.
    pub fn forget(&self, function: &str) {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).retain(|(name, _), _| name != function);
        self.taps.lock().unwrap_or_else(PoisonError::into_inner).remove(function);
        self.journals.lock().unwrap_or_else(PoisonError::into_inner).remove(function);
    }

    /// The tap of a function.
    pub fn tap(&self, function: &str) -> Arc<Tap> {
        of_function(&self.taps, function)
    }

    /// The lines that a function logged.
    pub fn journal(&self, function: &str) -> Arc<Journal> {
        of_function(&self.journals, function)
    }

    /// The counts as they are now, by function and version.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        let all = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().map(|stats| stats.snapshot()).collect()
    }
}

fn of_function<T: Default>(all: &Mutex<BTreeMap<String, Arc<T>>>, function: &str) -> Arc<T> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= FUNCTIONS {
        all.retain(|_, one| Arc::strong_count(one) > 1);
    }
    all.entry(function.to_owned()).or_default().clone()
}

/// The counts of one version. `received` = `kept` + `changed` + `dropped` + `expanded` + `failed` + `skipped`.
#[derive(Debug, Default)]
pub struct VersionStats {
    function: String,
    version: u32,
    pub(super) received: AtomicU64,
    pub(super) kept: AtomicU64,
    pub(super) changed: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) expanded: AtomicU64,
    pub(super) made: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) transforms: Breaker,
    pub(super) receives: Breaker,
    pub(super) memory_peak: AtomicU64,
    failed: [AtomicU64; FailureCause::ALL.len()],
    requests: AtomicU64,
    requests_made: AtomicU64,
    requests_refused: AtomicU64,
    requests_failed: AtomicU64,
    busy_ns: AtomicU64,
    times: Histogram,
    newest: Mutex<Newest>,
    window: Mutex<VecDeque<Mark>>,
}

/// How many reports and requests had come and failed at one moment.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    failed: u64,
    received: u64,
}

#[derive(Debug, Default)]
struct Newest {
    error: Option<LastError>,
    logged: Option<Instant>,
    refusal_logged: Option<Instant>,
}

/// The newest failure of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct LastError {
    /// When it was.
    pub at: SystemTime,
    /// What it was.
    pub failure: Failure,
    /// The report on which it was; none where it was on a request or a datagram.
    pub report: Option<Report<'static>>,
    /// That request or datagram.
    pub request: Option<FailedRequest>,
}

/// A request or a datagram on which a function failed, without headers and query, where tokens stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRequest {
    /// As in [`Request::method`].
    pub method: String,
    /// As in [`Request::path`]: [`PATH`] bytes of it at the most.
    pub path: String,
    /// The beginning of the body, as text of [`BODY`] bytes at the most.
    pub body: String,
    /// Bytes of the whole body.
    pub size: usize,
}

/// Bytes of the path of a failed request that are kept.
const PATH: usize = 1_024;
/// The same of its body.
const BODY: usize = 4_096;

impl FailedRequest {
    fn of(request: &Request<'_>) -> Self {
        let cut = |text: &str, limit: usize| text[..text.floor_char_boundary(limit)].to_owned();
        let size = request.body.len();
        // The last letter is whole before it is cut off.
        let body = String::from_utf8_lossy(&request.body[..size.min(BODY + char::MAX.len_utf8())]);
        let (method, path) = (request.method.to_string(), cut(&request.path, PATH));
        FailedRequest { method, path, body: cut(&body, BODY), size }
    }
}

/// The counts of one version at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The function.
    pub function: String,
    /// The version; 0 for a function from a folder.
    pub version: u32,
    /// Reports that it was given.
    pub received: u64,
    /// Reports that it left as they were.
    pub kept: u64,
    /// Reports that it changed.
    pub changed: u64,
    /// Reports that it dropped.
    pub dropped: u64,
    /// Reports for which it made several.
    pub expanded: u64,
    /// Reports that it made of those.
    pub made: u64,
    /// Reports that came while it rested, after it had failed again and again.
    pub skipped: u64,
    /// Reports on which it failed, by cause in the order of [`FailureCause::ALL`].
    pub failed: [u64; FailureCause::ALL.len()],
    /// Whether it rests now.
    pub resting: bool,
    /// Requests and datagrams that it was given.
    pub requests: u64,
    /// Reports that it made of them.
    pub requests_made: u64,
    /// Those that it refused.
    pub requests_refused: u64,
    /// Those on which it failed, or that came while it rested.
    pub requests_failed: u64,
    /// Time spent in it, all threads together.
    pub busy: Duration,
    /// The median time for a report or a request; calls are of many reports and count with their average.
    pub p50: Duration,
    /// The time that 99 of 100 of them keep to.
    pub p99: Duration,
    /// The most memory that an instance was seen to hold, in bytes.
    pub memory_peak: u64,
    /// Its newest failure.
    pub last_error: Option<LastError>,
}

impl Snapshot {
    /// What was counted since an earlier one. Times for a report and memory stay those of the whole.
    #[must_use]
    pub fn since(mut self, before: &Snapshot) -> Snapshot {
        for (count, before) in [
            (&mut self.received, before.received),
            (&mut self.kept, before.kept),
            (&mut self.changed, before.changed),
            (&mut self.dropped, before.dropped),
            (&mut self.expanded, before.expanded),
            (&mut self.made, before.made),
            (&mut self.skipped, before.skipped),
            (&mut self.requests, before.requests),
            (&mut self.requests_made, before.requests_made),
            (&mut self.requests_refused, before.requests_refused),
            (&mut self.requests_failed, before.requests_failed),
        ] {
            *count = count.saturating_sub(before);
        }
        for (count, before) in self.failed.iter_mut().zip(before.failed) {
            *count = count.saturating_sub(before);
        }
        self.busy = self.busy.saturating_sub(before.busy);
        self.last_error.take_if(|last| before.last_error.as_ref() == Some(last));
        self
    }
}

impl VersionStats {
    /// Forgets what failed before: the version is loaded anew, or tried.
    pub(super) fn begin(&self) {
        self.transforms.reset();
        self.receives.reset();
        let mark = self.mark_at(Instant::now());
        *self.window.lock().unwrap_or_else(PoisonError::into_inner) = VecDeque::from([mark]);
    }

    /// To be called now and then, so that [`VersionStats::lately`] knows what was before.
    pub fn mark(&self, now: Instant) {
        let mark = self.mark_at(now);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one that is old enough stays: it is what the present is compared with.
        while window.len() > 1 && now - window[1].at >= LATELY {
            window.pop_front();
        }
        if window.back().is_none_or(|last| now - last.at >= LATELY / MARKS) {
            window.push_back(mark);
        }
    }

    /// How many reports and requests failed or came while it rested, and how many came, in the last minute.
    pub fn lately(&self) -> (u64, u64) {
        let now = self.mark_at(Instant::now());
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let before = window.front().copied().unwrap_or(Mark { failed: 0, received: 0, ..now });
        (now.failed.saturating_sub(before.failed), now.received.saturating_sub(before.received))
    }

    fn mark_at(&self, at: Instant) -> Mark {
        let sum = |counters: &[&AtomicU64]| counters.iter().map(|counter| counter.load(Relaxed)).sum();
        let failed: u64 = sum(&[&self.skipped, &self.requests_failed]);
        let failed = failed + self.failed.iter().map(|counter| counter.load(Relaxed)).sum::<u64>();
        Mark { at, failed, received: sum(&[&self.received, &self.requests]) }
    }

    /// Counts a call, and the start of an instance before it, which is no time for a report.
    pub(super) fn took(&self, start: Duration, time: Duration, reports: usize) {
        self.busy_ns.fetch_add((start + time).as_nanos() as u64, Relaxed);
        self.times.add(time / (reports as u32).max(1), reports as u64);
    }

    /// Counts what was made of one report.
    pub(super) fn count(&self, report: &Report<'_>, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Keep => &self.kept,
            Outcome::Change(_) => &self.changed,
            Outcome::Expand(several) if !several.is_empty() => {
                self.made.fetch_add(several.len() as u64, Relaxed);
                &self.expanded
            }
            Outcome::Drop | Outcome::Expand(_) => &self.dropped,
            Outcome::Fail(failure) => return self.count_failure(failure, report),
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Counts a report that failed.
    pub(super) fn count_failure(&self, failure: &Failure, report: &Report<'_>) {
        self.failed[failure.cause as usize].fetch_add(1, Relaxed);
        self.note(failure, Some(report), None);
    }

    /// Counts what came of a request.
    pub(super) fn count_request(&self, request: &Request<'_>, result: &Result<Vec<Report<'_>>, Rejection>) {
        self.requests.fetch_add(1, Relaxed);
        let (counter, count) = match result {
            Ok(made) => (&self.requests_made, made.len() as u64),
            Err(refused @ Rejection::Refused { .. }) => {
                self.tell_refusal(refused);
                (&self.requests_refused, 1)
            }
            // The failures for which it rests were noted.
            Err(Rejection::Resting) => (&self.requests_failed, 1),
            Err(Rejection::Failed(failure)) => {
                self.note(failure, None, Some(FailedRequest::of(request)));
                (&self.requests_failed, 1)
            }
        };
        counter.fetch_add(count, Relaxed);
    }

    /// Logs a refusal unless one was logged just before: a secret that is not the sender's shows itself by it.
    fn tell_refusal(&self, refused: &Rejection) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.refusal_logged.is_none_or(|at| at.elapsed() >= LOG_AGAIN) {
            newest.refusal_logged = Some(Instant::now());
            let (function, version, why) =
                (&self.function, self.version, log::harmless(&refused.to_string(), LINE_BYTES));
            tracing::info!(function, version, why, "a function refused a request");
        }
    }

    /// Keeps a failure on a report or a request, and logs it unless one was logged just before.
    fn note(&self, failure: &Failure, report: Option<&Report<'_>>, request: Option<FailedRequest>) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let report = report.map(|report| report.clone().into_owned());
        newest.error = Some(LastError { at: SystemTime::now(), failure: failure.clone(), report, request });
        if newest.logged.is_none_or(|at| at.elapsed() >= LOG_AGAIN) {
            newest.logged = Some(Instant::now());
            let (function, version, cause) = (&self.function, self.version, failure.cause.as_str());
            tracing::warn!(function, version, cause, %failure, "a function failed");
        }
    }

    /// The counts as they are now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            function: self.function.clone(),
            version: self.version,
            received: self.received.load(Relaxed),
            kept: self.kept.load(Relaxed),
            changed: self.changed.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            expanded: self.expanded.load(Relaxed),
            made: self.made.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            failed: std::array::from_fn(|cause| self.failed[cause].load(Relaxed)),
            resting: self.transforms.rests() || self.receives.rests(),
            requests: self.requests.load(Relaxed),
            requests_made: self.requests_made.load(Relaxed),
            requests_refused: self.requests_refused.load(Relaxed),
            requests_failed: self.requests_failed.load(Relaxed),
            busy: Duration::from_nanos(self.busy_ns.load(Relaxed)),
            p50: self.times.quantile(0.5),
            p99: self.times.quantile(0.99),
            memory_peak: self.memory_peak.load(Relaxed),
            last_error: self.newest.lock().unwrap_or_else(PoisonError::into_inner).error.clone(),
        }
    }
}
