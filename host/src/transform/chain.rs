//! The live functions as one thread runs them: each report passes all of them in order.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use upto_wire::Report;

use super::canary::Canary;
use super::runner::Runner;
use super::settings::ContextFilter;
use super::{Failure, FailureCause, Live, LiveSet, OnError, Outcome, Version, budget};
use crate::event::FunctionSet;

/// How many reports a chain took away and added. `before - dropped - dead + added = after`, with the dead letters counted
/// by [`Applied::dead`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reports that functions dropped.
    pub dropped: usize,
    /// Reports that functions made beyond those that they were given.
    pub added: usize,
}

/// What became of the reports that a chain was given.
#[derive(Debug, Default)]
pub struct Applied<'a> {
    /// Those that go on, in their order; what was made of one report stands where it stood.
    pub reports: Vec<Report<'a>>,
    /// For each of them, which functions changed it. [`Chain::names`] tells their names.
    pub changed_by: Vec<ChangedBy>,
    /// How many were dropped and added.
    pub counts: Counts,
    /// Those that are to be kept as dead letters.
    pub dead: Vec<Dead>,
}

/// Which functions changed a report: two bits for each link of the chain, one for the version that runs and one for its
/// canary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ChangedBy(u128);

/// A report on which a function failed whose settings want it kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Dead {
    /// The function.
    pub function: String,
    /// Its version.
    pub version: u32,
    /// Why.
    pub failure: Failure,
    /// The report as the function was given it.
    pub report: Report<'static>,
}

/// Instances of all live functions that transform, for one thread.
pub struct Chain {
    links: Vec<Link>,
    names: HashMap<ChangedBy, FunctionSet>,
    /// Those that were asked for last, which most often are asked for next.
    latest: (ChangedBy, FunctionSet),
}

impl Chain {
    /// A chain of these functions. They are instantiated when the first report comes.
    pub fn new(live: &LiveSet) -> Self {
        let links = live.iter().filter(|live| live.version.program.entry_points().transform);
        Chain { links: links.map(Link::new).collect(), names: HashMap::new(), latest: Default::default() }
    }

    /// Makes it a chain of these functions. Versions that stay keep their instances.
    pub fn update(&mut self, live: &LiveSet) {
        let mut runners: Vec<Runner> =
            std::mem::take(&mut self.links).into_iter().flat_map(Link::into_runners).collect();
        *self = Chain::new(live);
        for runner in self.links.iter_mut().flat_map(Link::runners) {
            if let Some(at) = runners.iter().position(|old| Arc::ptr_eq(&old.version, &runner.version)) {
                *runner = runners.swap_remove(at);
            }
        }
    }

    /// Passes reports through all functions that concern them.
    ///
    /// To be called on a thread that may block: it takes up to [`budget::CALL_TIME`] for each function and
    /// [`budget::BATCH`] reports. Together they make at most [`budget::OUTPUT_REPORTS`] times as many reports as they
    /// were given.
    pub fn apply<'a>(&mut self, reports: Vec<Report<'a>>) -> Applied<'a> {
        self.apply_from(0, reports)
    }

    /// As [`Chain::apply`], from the place of this function on: for reports that passed what stands before it.
    pub fn resume<'a>(&mut self, place: (i32, &str), reports: Vec<Report<'a>>) -> Applied<'a> {
        let first = self.links.partition_point(|link| link.place() < place);
        self.apply_from(first, reports)
    }

    fn apply_from<'a>(&mut self, first: usize, reports: Vec<Report<'a>>) -> Applied<'a> {
        let limit = reports.len().saturating_mul(budget::OUTPUT_REPORTS);
        let changed_by = vec![ChangedBy::default(); reports.len()];
        let mut applied = Applied { reports, changed_by, ..Applied::default() };
        for (at, link) in self.links.iter_mut().enumerate().skip(first) {
            if !applied.reports.is_empty() {
                link.apply(at, limit, &mut applied);
            }
        }
        applied
    }

    /// The functions that changed a report, in the order in which they did.
    pub fn names(&mut self, changed_by: ChangedBy) -> FunctionSet {
        if changed_by != self.latest.0 {
            let names = self.names.entry(changed_by);
            let names = names.or_insert_with(|| FunctionSet::from_text(&labels(&self.links, changed_by.0)));
            self.latest = (changed_by, names.clone());
        }
        self.latest.1.clone()
    }
}

fn labels(links: &[Link], bits: u128) -> String {
    let runners = links.iter().map(|link| [Some(&link.runner), link.canary.as_ref().map(|(_, runner)| runner)]);
    let bit_is_set = |(bit, _): &(usize, Option<&Runner>)| bits & (1 << bit) != 0;
    let set = runners.flatten().enumerate().filter(bit_is_set);
    set.filter_map(|(_, runner)| Some(runner?.version.label())).collect::<Vec<_>>().join(" ")
}

struct Link {
    runner: Runner,
    canary: Option<(Canary, Runner)>,
    filter: ContextFilter,
    canary_filter: ContextFilter,
}

/// Who deals with a report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    /// Nobody: the function is not for its context.
    Past,
    Active,
    Canary,
}

impl Link {
    fn new(live: &Live) -> Self {
        let canary = live.canary.clone().map(|canary| (canary.clone(), Runner::new(canary.version)));
        let (filter, canary_filter) = Default::default();
        Link { runner: Runner::new(live.version.clone()), canary, filter, canary_filter }
    }

    fn into_runners(self) -> impl Iterator<Item = Runner> {
        [Some(self.runner), self.canary.map(|(_, runner)| runner)].into_iter().flatten()
    }

    fn runners(&mut self) -> impl Iterator<Item = &mut Runner> {
        [Some(&mut self.runner), self.canary.as_mut().map(|(_, runner)| runner)].into_iter().flatten()
    }

    fn place(&self) -> (i32, &str) {
        (self.runner.version.settings.order, self.runner.version.function())
    }

    fn apply(&mut self, at: usize, limit: usize, applied: &mut Applied<'_>) {
        let routes = self.routes(&applied.reports);
        let (mut active, mut canary) = (Part::default(), Part::default());
        let reports = std::mem::take(&mut applied.reports);
        match &routes {
            // The usual case moves nothing.
            None => active.reports = reports,
            Some(routes) => {
                let mut past = Vec::new();
                for (report, route) in reports.into_iter().zip(routes) {
                    match route {
                        Route::Past => past.push(report),
                        Route::Active => active.reports.push(report),
                        Route::Canary => canary.reports.push(report),
                    }
                }
                applied.reports = past;
            }
        }
        active.run(&mut self.runner);
        if let Some((trial, runner)) = &mut self.canary {
            match trial.plan.shadow {
                true => compare(trial, runner, &mut self.canary_filter, &active),
                false => canary.run(runner),
            }
        }
        let past = std::mem::take(&mut applied.reports).into_iter();
        let mut settle =
            Settle { limit, total: active.reports.len() + canary.reports.len() + past.len(), made: applied };
        let versions = [Some(&self.runner.version), self.canary.as_ref().map(|(_, runner)| &runner.version)];
        settle.all(routes.as_deref(), past, [active, canary], versions, at);
    }

    /// Who deals with each report; `None` where the running version deals with all.
    fn routes(&mut self, reports: &[Report<'_>]) -> Option<Vec<Route>> {
        let trial = self.canary.as_ref().map(|(trial, _)| trial).filter(|trial| !trial.plan.shadow);
        let contexts = &self.runner.version.settings.contexts;
        if contexts.is_all() && trial.is_none() {
            return None;
        }
        let (filter, canary_filter) = (&mut self.filter, &mut self.canary_filter);
        // What is the canary's share is dealt with as if it were the active version: by its own contexts.
        let route = |report: &Report<'_>| match trial.filter(|trial| trial.plan.takes(report)) {
            Some(trial) if canary_filter.contains(&trial.version.settings.contexts, &report.context) => Route::Canary,
            None if filter.contains(contexts, &report.context) => Route::Active,
            _ => Route::Past,
        };
        Some(reports.iter().map(route).collect())
    }
}

/// Runs a version in the shadow on its share of what the running one was given, as far as it is of its own contexts.
fn compare(trial: &Canary, runner: &mut Runner, filter: &mut ContextFilter, active: &Part<'_>) {
    let contexts = &trial.version.settings.contexts;
    let takes = |report: &Report<'_>| trial.plan.takes(report) && filter.contains(contexts, &report.context);
    let share = active.reports[..active.outcomes.len()].iter().map(takes).enumerate();
    let share: Vec<usize> = share.filter_map(|(at, takes)| takes.then_some(at)).collect();
    let reports: Vec<_> = share.iter().map(|at| active.reports[*at].clone()).collect();
    let mut outcomes = Vec::with_capacity(reports.len());
    runner.run(&reports, &mut outcomes);
    for ((at, report), outcome) in share.iter().zip(&reports).zip(&outcomes) {
        trial.comparison.add(report, &active.outcomes[*at], outcome);
        runner.version.stats.count(report, outcome);
    }
}

/// The reports that one version deals with.
#[derive(Default)]
struct Part<'a> {
    reports: Vec<Report<'a>>,
    /// One for each report; none for the last ones where the function rests.
    outcomes: Vec<Outcome>,
}

impl Part<'_> {
    fn run(&mut self, runner: &mut Runner) {
        self.outcomes.reserve(self.reports.len());
        let time = runner.run(&self.reports, &mut self.outcomes);
        let version = &runner.version;
        if version.tap.is_watched() {
            for (report, outcome) in self.reports.iter().zip(&self.outcomes) {
                version.tap.show(version.number, report, outcome, time);
            }
        }
    }
}

/// Puts the outcomes of one link into effect and counts them.
struct Settle<'s, 'a> {
    limit: usize,
    /// Reports at the beginning, and made since.
    total: usize,
    made: &'s mut Applied<'a>,
}

impl<'a> Settle<'_, 'a> {
    fn all(
        &mut self,
        routes: Option<&[Route]>,
        mut past: impl Iterator<Item = Report<'a>>,
        parts: [Part<'a>; 2],
        versions: [Option<&Arc<Version>>; 2],
        at: usize,
    ) {
        let changed_by = std::mem::take(&mut self.made.changed_by);
        self.made.reports.reserve(self.total);
        self.made.changed_by.reserve(self.total);
        let mut tallies = versions.map(|_| Tally::default());
        let mut parts = parts.map(|part| (part.reports.into_iter(), part.outcomes.into_iter()));
        for (index, marks) in changed_by.into_iter().enumerate() {
            let side = match routes.map_or(Route::Active, |routes| routes[index]) {
                Route::Past => {
                    // One for each route that leads past.
                    self.made.reports.extend(past.next());
                    self.made.changed_by.push(marks);
                    continue;
                }
                Route::Active => 0,
                Route::Canary => 1,
            };
            let (Some(report), outcome, Some(version)) = (parts[side].0.next(), parts[side].1.next(), versions[side])
            else {
                continue;
            };
            let bit = ChangedBy(marks.0 | 1 << (2 * at + side));
            self.one(report, outcome, (marks, bit), version, &mut tallies[side]);
        }
        for (version, tally) in versions.into_iter().zip(tallies) {
            if let Some(version) = version {
                tally.add_to(version);
            }
        }
    }

    /// `marks` are those of the report unchanged and changed.
    fn one(
        &mut self,
        report: Report<'a>,
        outcome: Option<Outcome>,
        marks: (ChangedBy, ChangedBy),
        version: &Arc<Version>,
        tally: &mut Tally,
    ) {
        match outcome {
            Some(Outcome::Keep) => {
                tally.kept += 1;
                self.push(report, marks.0);
            }
            Some(Outcome::Change(changes)) => {
                tally.changed += 1;
                self.push(changes.apply(report), marks.1);
            }
            Some(Outcome::Expand(several)) if !several.is_empty() => {
                if self.total + several.len() - 1 > self.limit {
                    return self.failed(report, too_many(self.limit), marks.0, version);
                }
                tally.expanded += 1;
                tally.made += several.len() as u64;
                self.total += several.len() - 1;
                self.made.counts.added += several.len() - 1;
                several.into_iter().for_each(|one| self.push(one, marks.1));
            }
            Some(Outcome::Drop | Outcome::Expand(_)) => {
                tally.dropped += 1;
                self.made.counts.dropped += 1;
            }
            Some(Outcome::Fail(failure)) => self.failed(report, failure, marks.0, version),
            None => self.given_up(report, rests(), marks.0, version),
        }
    }

    fn failed(&mut self, report: Report<'a>, failure: Failure, marks: ChangedBy, version: &Arc<Version>) {
        version.stats.count_failure(&failure, &report);
        self.given_up(report, failure, marks, version);
    }

    /// What the settings say of a report that the function did not deal with.
    fn given_up(&mut self, report: Report<'a>, failure: Failure, marks: ChangedBy, version: &Arc<Version>) {
        match version.settings.on_error {
            OnError::Pass => self.push(report, marks),
            OnError::Drop => self.made.counts.dropped += 1,
            OnError::DeadLetter => {
                let (function, report) = (version.function().to_owned(), report.into_owned());
                self.made.dead.push(Dead { function, version: version.number, failure, report });
            }
        }
    }

    fn push(&mut self, report: Report<'a>, marks: ChangedBy) {
        self.made.reports.push(report);
        self.made.changed_by.push(marks);
    }
}

/// What is counted in one go.
#[derive(Default)]
struct Tally {
    kept: u64,
    changed: u64,
    dropped: u64,
    expanded: u64,
    made: u64,
}

impl Tally {
    fn add_to(&self, version: &Version) {
        let stats = &version.stats;
        for (counter, count) in [
            (&stats.kept, self.kept),
            (&stats.changed, self.changed),
            (&stats.dropped, self.dropped),
            (&stats.expanded, self.expanded),
            (&stats.made, self.made),
        ] {
            counter.fetch_add(count, Relaxed);
        }
    }
}

fn too_many(limit: usize) -> Failure {
    let message = format!("all functions together made more than {limit} reports of one chunk");
    Failure::new(FailureCause::Output, message)
}

fn rests() -> Failure {
    let message = "the function rests, as it failed again and again".to_owned();
    Failure::new(FailureCause::Error, message)
}
