//! The live functions as one thread runs them: each report passes all of them in order.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use upto_wire::Report;

use super::stats::{FunctionStats, Stats};
use super::{Failure, FailureCause, Function, Outcome, Program, Programs, budget};

/// Calls in a row that may run out of time before the function rests for [`REST`]: without it, a function that hangs
/// on each report would take every thread for ever.
const STRIKES: u32 = 5;
/// How long a function rests, and how long one waits that can't be instantiated before it is tried again.
const REST: Duration = Duration::from_secs(5);

/// How many reports a chain took away and added. `before - dropped + added = after`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reports that functions dropped.
    pub dropped: usize,
    /// Reports that functions made beyond those that they were given.
    pub added: usize,
}

/// Instances of all live functions that transform, for one thread.
pub struct Chain {
    links: Vec<Link>,
    outcomes: Vec<Outcome>,
}

impl Chain {
    /// Makes an instance of each program that transforms. One that can't be made fails its reports, which pass unchanged, and is tried
    /// again later.
    pub fn new(programs: &Programs, stats: &Stats) -> Self {
        let link = |program: &Arc<dyn Program>| Link::new(program.clone(), stats.of(program.name()));
        let transforms = programs.iter().filter(|program| program.entry_points().transform);
        Chain { links: transforms.map(link).collect(), outcomes: Vec::new() }
    }

    /// Passes all reports through all functions. Their order is kept; what is made of one report stands where it stood.
    ///
    /// A report on which a function fails goes on unchanged. To be called on a thread that may block: it takes up to
    /// [`budget::CALL_TIME`] for each function and [`budget::BATCH`] reports. Together they make at most
    /// [`budget::OUTPUT_REPORTS`] times as many reports as they were given.
    pub fn apply<'a>(&mut self, reports: &mut Vec<Report<'a>>) -> Counts {
        let mut counts = Counts::default();
        let limit = reports.len().saturating_mul(budget::OUTPUT_REPORTS);
        for link in &mut self.links {
            if link.rests() {
                link.stats.received.fetch_add(reports.len() as u64, Relaxed);
                link.stats.skipped.fetch_add(reports.len() as u64, Relaxed);
                continue;
            }
            self.outcomes.clear();
            for batch in reports.chunks(budget::BATCH) {
                link.call(batch, &mut self.outcomes);
            }
            let made = settle(&link.stats, reports, &mut self.outcomes, limit);
            counts.dropped += made.dropped;
            counts.added += made.added;
        }
        counts
    }
}

struct Link {
    program: Arc<dyn Program>,
    function: Option<Box<dyn Function>>,
    stats: Arc<FunctionStats>,
    strikes: u32,
    rests_until: Option<Instant>,
}

impl Link {
    fn new(program: Arc<dyn Program>, stats: Arc<FunctionStats>) -> Self {
        Link { program, function: None, stats, strikes: 0, rests_until: None }
    }

    fn rests(&mut self) -> bool {
        self.rests_until.take_if(|until| *until <= Instant::now());
        self.rests_until.is_some()
    }

    /// Pushes an outcome for each report of a batch.
    fn call(&mut self, batch: &[Report<'_>], outcomes: &mut Vec<Outcome>) {
        let start = Instant::now();
        let wanted = outcomes.len() + batch.len();
        self.stats.received.fetch_add(batch.len() as u64, Relaxed);
        match self.ready() {
            Ok(function) => function.transform(batch, outcomes),
            Err(failure) => {
                outcomes.resize(wanted, Outcome::Fail(failure));
                self.rests_until = Some(start + REST);
            }
        }
        let first = wanted - batch.len();
        debug_assert_eq!(outcomes.len(), wanted, "{} owes an outcome for each report", self.program.name());
        self.judge(&outcomes[first..]);
        self.stats.busy_ns.fetch_add(start.elapsed().as_nanos() as u64, Relaxed);
    }

    fn ready(&mut self) -> Result<&mut Box<dyn Function>, Failure> {
        match &mut self.function {
            Some(function) => Ok(function),
            slot => Ok(slot.insert(self.program.instantiate()?)),
        }
    }

    /// Lets a function rest that ran out of time in [`STRIKES`] calls in a row.
    fn judge(&mut self, outcomes: &[Outcome]) {
        let late = |outcome: &Outcome| matches!(outcome, Outcome::Fail(f) if f.cause == FailureCause::Time);
        self.strikes = if outcomes.iter().any(late) { self.strikes + 1 } else { 0 };
        if self.strikes >= STRIKES {
            self.strikes = 0;
            self.rests_until = Some(Instant::now() + REST);
            tracing::warn!(function = self.program.name(), rest_s = REST.as_secs(), "runs out of time; it rests");
        }
    }
}

/// Puts the outcomes of one function into effect and counts them.
fn settle<'a>(
    stats: &FunctionStats,
    reports: &mut Vec<Report<'a>>,
    outcomes: &mut Vec<Outcome>,
    limit: usize,
) -> Counts {
    let mut counts = Counts::default();
    let (mut kept, mut changed, mut expanded, mut made) = (0, 0, 0, 0);
    let mut before = std::mem::take(reports).into_iter();
    let total = before.len();
    // Reused in place by the common case: as many reports come out as went in.
    let mut after: Vec<Report<'a>> = Vec::with_capacity(total);
    for (report, outcome) in before.by_ref().zip(outcomes.drain(..)) {
        match outcome {
            Outcome::Keep => {
                kept += 1;
                after.push(report);
            }
            Outcome::Replace(new) => {
                changed += 1;
                after.push(*new);
            }
            Outcome::Drop => counts.dropped += 1,
            Outcome::Expand(several) if several.is_empty() => counts.dropped += 1,
            Outcome::Expand(several) if total + counts.added + several.len() - 1 <= limit => {
                expanded += 1;
                made += several.len();
                counts.added += several.len() - 1;
                after.extend(several);
            }
            Outcome::Expand(_) => {
                stats.count_failures(&too_many(limit), 1);
                after.push(report);
            }
            Outcome::Fail(failure) => {
                stats.count_failures(&failure, 1);
                after.push(report);
            }
        }
    }
    after.extend(before);
    *reports = after;
    for (counter, count) in [
        (&stats.kept, kept),
        (&stats.changed, changed),
        (&stats.dropped, counts.dropped),
        (&stats.expanded, expanded),
        (&stats.made, made),
    ] {
        counter.fetch_add(count as u64, Relaxed);
    }
    counts
}

fn too_many(limit: usize) -> Failure {
    let message = format!("all functions together made more than {limit} reports of one chunk");
    Failure { cause: FailureCause::Output, message }
}
