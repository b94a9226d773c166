//! One version as one thread runs it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use upto_wire::Report;

use super::{Failure, FailureCause, Function, Outcome, Version, budget};

/// A version with its instance.
pub(super) struct Runner {
    pub version: Arc<Version>,
    function: Option<Box<dyn Function>>,
}

impl Runner {
    pub fn new(version: Arc<Version>) -> Self {
        Runner { version, function: None }
    }

    /// Pushes an outcome for each report; for the last ones none where the function rests from there on. Tells how long it
    /// took for each report, on average.
    pub fn run(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>) -> Duration {
        let (start, stats) = (Instant::now(), self.version.stats.clone());
        stats.received.fetch_add(reports.len() as u64, Relaxed);
        let before = outcomes.len();
        for batch in reports.chunks(budget::BATCH) {
            if stats.transforms.rests() {
                break;
            }
            self.call(batch, outcomes);
        }
        let served = outcomes.len() - before;
        stats.skipped.fetch_add((reports.len() - served) as u64, Relaxed);
        start.elapsed() / (served as u32).max(1)
    }

    /// Pushes an outcome for each report of a batch.
    fn call(&mut self, batch: &[Report<'_>], outcomes: &mut Vec<Outcome>) {
        let begun = Instant::now();
        let first = outcomes.len();
        let mut started = Duration::ZERO;
        let memory = |function: &mut Box<dyn Function>| {
            started = begun.elapsed();
            function.transform(batch, outcomes);
            function.memory() as u64
        };
        match self.ready().map(memory) {
            Ok(memory) => {
                self.version.stats.memory_peak.fetch_max(memory, Relaxed);
                self.judge(&outcomes[first..]);
            }
            Err(failure) => {
                outcomes.resize(first + batch.len(), Outcome::Fail(failure));
                self.version.stats.transforms.rest(&self.version.label(), "can't be started");
            }
        }
        debug_assert_eq!(outcomes.len() - first, batch.len(), "{} owes an outcome a report", self.version.function());
        self.version.stats.took(started, begun.elapsed() - started, batch.len());
    }

    fn ready(&mut self) -> Result<&mut Box<dyn Function>, Failure> {
        match &mut self.function {
            Some(function) => Ok(function),
            slot => Ok(slot.insert(self.version.program.instantiate()?)),
        }
    }

    fn judge(&self, outcomes: &[Outcome]) {
        let failed = |outcome: &Outcome| matches!(outcome, Outcome::Fail(_));
        let late = |outcome: &Outcome| matches!(outcome, Outcome::Fail(f) if f.cause == FailureCause::Time);
        let at_the_end = outcomes.iter().rev().take_while(|outcome| failed(outcome)).count();
        let (late, success) = (outcomes.iter().any(late), at_the_end < outcomes.len());
        self.version.stats.transforms.judge(&self.version.label(), late, at_the_end as u32, success);
    }
}
