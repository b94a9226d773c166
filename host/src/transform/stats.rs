//! What functions do, counted: by name, so that the counts outlive a reload.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use upto_wire::Report;

use super::{Failure, FailureCause, Rejection};

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

/// The counts of all functions that ran since the start. Names are few: they are those of files that were loaded.
#[derive(Debug, Default)]
pub struct Stats(Mutex<BTreeMap<String, Arc<FunctionStats>>>);

impl Stats {
    /// The counts of the function of this name, which begin at zero.
    pub fn of(&self, function: &str) -> Arc<FunctionStats> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(function) {
            Some(stats) => stats.clone(),
            None => {
                let stats = Arc::new(FunctionStats { name: function.to_owned(), ..FunctionStats::default() });
                all.entry(function.to_owned()).or_insert(stats).clone()
            }
        }
    }

    /// The counts as they are now, by name.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(name, stats)| stats.snapshot(name)).collect()
    }
}

/// The counts of one function. `received` = `kept` + `changed` + `dropped` + `expanded` + `failed` + `skipped`.
#[derive(Debug, Default)]
pub struct FunctionStats {
    name: String,
    pub(super) received: AtomicU64,
    pub(super) kept: AtomicU64,
    pub(super) changed: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) expanded: AtomicU64,
    pub(super) made: AtomicU64,
    pub(super) skipped: AtomicU64,
    failed: [AtomicU64; FailureCause::ALL.len()],
    requests: AtomicU64,
    requests_refused: AtomicU64,
    requests_failed: AtomicU64,
    pub(super) busy_ns: AtomicU64,
    last_error: Mutex<Option<LastError>>,
    logged: Mutex<Option<Instant>>,
}

/// A function that fails on every report is told of in the log this often.
const LOG_AGAIN: Duration = Duration::from_secs(10);

/// The newest failure of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// When it was.
    pub at: SystemTime,
    /// What it was.
    pub failure: Failure,
}

/// The counts of one function at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The function.
    pub function: String,
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
    /// Reports that passed it by while it rested, after it had run out of time again and again.
    pub skipped: u64,
    /// Reports on which it failed and that went on unchanged, by cause in the order of [`FailureCause::ALL`].
    pub failed: [u64; FailureCause::ALL.len()],
    /// Requests and datagrams that it was given.
    pub requests: u64,
    /// Those that it refused.
    pub requests_refused: u64,
    /// Those on which it failed.
    pub requests_failed: u64,
    /// Time spent in it, all threads together.
    pub busy: Duration,
    /// Its newest failure.
    pub last_error: Option<LastError>,
}

impl FunctionStats {
    /// Counts `reports` that failed for the same reason.
    pub(super) fn count_failures(&self, failure: &Failure, reports: u64) {
        self.failed[failure.cause as usize].fetch_add(reports, Relaxed);
        self.tell(failure, "a function failed; its reports go on unchanged");
    }

    /// Counts what came of a request.
    pub(super) fn count_request(&self, result: &Result<Vec<Report<'_>>, Rejection>) {
        self.requests.fetch_add(1, Relaxed);
        match result {
            Ok(_) => {}
            Err(Rejection::Refused { .. }) => drop(self.requests_refused.fetch_add(1, Relaxed)),
            Err(Rejection::Failed(failure)) => {
                self.requests_failed.fetch_add(1, Relaxed);
                self.tell(failure, "a function failed on a request or datagram, which is refused");
            }
        }
    }

    /// Keeps the failure, and logs it unless one was logged just before.
    fn tell(&self, failure: &Failure, what: &str) {
        let error = LastError { at: SystemTime::now(), failure: failure.clone() };
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|at| at.elapsed() >= LOG_AGAIN) {
            *logged = Some(Instant::now());
            let (function, cause) = (&self.name, failure.cause.as_str());
            tracing::warn!(function, cause, %failure, "{what}");
        }
    }

    fn snapshot(&self, function: &str) -> Snapshot {
        Snapshot {
            function: function.to_owned(),
            received: self.received.load(Relaxed),
            kept: self.kept.load(Relaxed),
            changed: self.changed.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            expanded: self.expanded.load(Relaxed),
            made: self.made.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            failed: self.failed.each_ref().map(|count| count.load(Relaxed)),
            requests: self.requests.load(Relaxed),
            requests_refused: self.requests_refused.load(Relaxed),
            requests_failed: self.requests_failed.load(Relaxed),
            busy: Duration::from_nanos(self.busy_ns.load(Relaxed)),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
