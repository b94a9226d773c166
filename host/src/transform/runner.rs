//! One version as one thread runs it, with its circuit breaker.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use upto_wire::Report;

use super::{Failure, FailureCause, Function, Outcome, Version, budget};

/// Calls in a row that may run out of time before the function rests for [`REST`]: without it, a function that hangs
/// on each report would take every thread for ever.
const LATE_CALLS: u32 = 5;
/// Reports in a row that may fail for whatever cause before it rests.
const FAILED_REPORTS: u32 = 100;
/// How long a function rests, and how long one waits that can't be instantiated before it is tried again.
const REST: Duration = Duration::from_secs(5);

/// A version with its instance.
pub(super) struct Runner {
    pub version: Arc<Version>,
    function: Option<Box<dyn Function>>,
    late_calls: u32,
    failed_reports: u32,
    rests_until: Option<Instant>,
}

impl Runner {
    pub fn new(version: Arc<Version>) -> Self {
        Runner { version, function: None, late_calls: 0, failed_reports: 0, rests_until: None }
    }

    /// Pushes an outcome for each report: none at all where the function rests. Tells how long it took for each report.
    pub fn run(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>) -> Ran {
        self.version.stats.received.fetch_add(reports.len() as u64, Relaxed);
        if self.rests() {
            self.version.stats.skipped.fetch_add(reports.len() as u64, Relaxed);
            return Ran::Rests;
        }
        let start = Instant::now();
        for batch in reports.chunks(budget::BATCH) {
            self.call(batch, outcomes);
        }
        Ran::Took(start.elapsed() / (reports.len() as u32).max(1))
    }

    fn rests(&mut self) -> bool {
        if self.rests_until.take_if(|until| *until <= Instant::now()).is_some() {
            self.version.stats.resting.store(false, Relaxed);
        }
        self.rests_until.is_some()
    }

    fn rest(&mut self, why: &str) {
        (self.late_calls, self.failed_reports) = (0, 0);
        self.rests_until = Some(Instant::now() + REST);
        self.version.stats.resting.store(true, Relaxed);
        tracing::warn!(function = self.version.label(), rest_s = REST.as_secs(), "{why}; it rests");
    }

    /// Pushes an outcome for each report of a batch.
    fn call(&mut self, batch: &[Report<'_>], outcomes: &mut Vec<Outcome>) {
        let start = Instant::now();
        let first = outcomes.len();
        let memory = |function: &mut Box<dyn Function>| {
            function.transform(batch, outcomes);
            function.memory() as u64
        };
        match self.ready().map(memory) {
            Ok(memory) => drop(self.version.stats.memory_peak.fetch_max(memory, Relaxed)),
            Err(failure) => {
                outcomes.resize(first + batch.len(), Outcome::Fail(failure));
                self.rest("can't be started");
            }
        }
        debug_assert_eq!(outcomes.len() - first, batch.len(), "{} owes an outcome a report", self.version.function());
        self.version.stats.took(start.elapsed(), batch.len());
        self.judge(&outcomes[first..]);
    }

    fn ready(&mut self) -> Result<&mut Box<dyn Function>, Failure> {
        match &mut self.function {
            Some(function) => Ok(function),
            slot => Ok(slot.insert(self.version.program.instantiate()?)),
        }
    }

    /// Lets a function rest that fails again and again.
    fn judge(&mut self, outcomes: &[Outcome]) {
        let failed = |outcome: &Outcome| matches!(outcome, Outcome::Fail(_));
        let late = |outcome: &Outcome| matches!(outcome, Outcome::Fail(f) if f.cause == FailureCause::Time);
        self.late_calls = if outcomes.iter().any(late) { self.late_calls + 1 } else { 0 };
        let at_the_end = outcomes.iter().rev().take_while(|outcome| failed(outcome)).count() as u32;
        self.failed_reports = if at_the_end as usize == outcomes.len() { self.failed_reports } else { 0 } + at_the_end;
        if self.late_calls >= LATE_CALLS {
            self.rest("runs out of time");
        } else if self.failed_reports >= FAILED_REPORTS {
            self.rest("fails on every report");
        }
    }
}

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    /// The function has a break, and saw nothing.
    Rests,
    /// Time for each report, on average.
    Took(Duration),
}
