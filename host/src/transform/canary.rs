//! Trying a version beside the one that runs: on a share of the reports, or in its shadow.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use upto_wire::Report;

use super::{Outcome, Snapshot, Version};

/// Reports that a canary must have had before its share of failures is judged.
const JUDGED_FROM: u64 = 50;

/// By what reports are told apart, so that all of one run or of one machine meet the same version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// By context.
    #[default]
    Context,
    /// By host.
    Host,
}

/// How a canary is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version that is tried.
    pub version: u32,
    /// The share of contexts or hosts, from 0 to 1.
    #[serde(default = "all")]
    pub share: f64,
    /// By what they are told apart.
    #[serde(default)]
    pub by: By,
    /// Whether it only runs beside the other, so that its results are compared and go nowhere.
    #[serde(default)]
    pub shadow: bool,
    /// The share of failed reports over which it is rolled back.
    #[serde(default = "five_percent")]
    pub max_error_rate: f64,
}

fn all() -> f64 {
    1.0
}

fn five_percent() -> f64 {
    0.05
}

impl Plan {
    /// Checks the numbers.
    ///
    /// # Errors
    /// A sentence about the one that is wrong.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [("share", self.share), ("max_error_rate", self.max_error_rate)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("{name} is {value}; it is a part of the whole, from 0 to 1"));
            }
        }
        Ok(())
    }

    /// Whether a report is one of the share. All instances agree, and a greater share holds the smaller one.
    pub(super) fn takes(&self, report: &Report<'_>) -> bool {
        let key = match self.by {
            By::Context => &report.context,
            By::Host => &report.host,
        };
        (hash(key.as_bytes()) as f64) < self.share * (u64::from(u32::MAX) + 1) as f64
    }
}

/// FNV-1a, mixed down to 32 bits: the same on all machines and in all versions of upto.
/// <http://www.isthe.com/chongo/tech/comp/fnv/>, the finish from SplitMix64 as FNV's high bits are weak for short texts.
fn hash(bytes: &[u8]) -> u32 {
    let fnv = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 32) as u32
}

/// A version on trial.
#[derive(Clone)]
pub struct Canary {
    /// The version.
    pub version: Arc<Version>,
    /// How it is run.
    pub plan: Plan,
    /// What it made of reports beside the version that runs; in shadow only.
    pub comparison: Arc<Comparison>,
    /// What it had done when the trial began.
    before: Arc<Snapshot>,
}

impl Canary {
    /// A trial that begins now.
    pub fn new(version: Arc<Version>, plan: Plan) -> Canary {
        version.stats.begin();
        let before = Arc::new(version.stats.snapshot());
        Canary { version, plan, comparison: Arc::default(), before }
    }

    /// What it was seen to do since the trial began.
    pub fn observed(&self) -> Snapshot {
        self.version.stats.snapshot().since(&self.before)
    }

    /// A sentence once too many of its newest reports failed on this instance: of those of the last minute or, where few
    /// come, of all since the trial began.
    pub fn fault(&self) -> Option<String> {
        let all = self.observed();
        let lately = Some(self.version.stats.lately()).filter(|(_, received)| *received >= JUDGED_FROM);
        let (failed, received) = lately.unwrap_or((all.failed.iter().sum::<u64>() + all.skipped, all.received));
        let rate = failed as f64 / received.max(1) as f64;
        (received >= JUDGED_FROM && rate > self.plan.max_error_rate).then(|| {
            let (rate, limit) = (rate * 100.0, self.plan.max_error_rate * 100.0);
            let last = all.last_error.map_or_else(String::new, |last| format!("; the last: {}", last.failure));
            format!("{failed} of {received} reports failed ({rate:.1} %), over the limit of {limit:.1} %{last}")
        })
    }
}

/// What a version in the shadow made of reports, compared with what the running one made.
#[derive(Debug, Default)]
pub struct Comparison {
    same: AtomicU64,
    different: AtomicU64,
    latest: Mutex<Option<Difference>>,
}

/// A report of which two versions made different things.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The report as both were given it.
    pub before: Report<'static>,
    /// What the running version made of it.
    pub active: Outcome,
    /// What the other made of it.
    pub canary: Outcome,
}

impl Comparison {
    pub(super) fn add(&self, before: &Report<'_>, active: &Outcome, canary: &Outcome) {
        if active == canary {
            self.same.fetch_add(1, Relaxed);
            return;
        }
        self.different.fetch_add(1, Relaxed);
        let difference =
            Difference { before: before.clone().into_owned(), active: active.clone(), canary: canary.clone() };
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(difference);
    }

    /// How many were the same, how many were not, and the newest that was not.
    pub fn snapshot(&self) -> (u64, u64, Option<Difference>) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.same.load(Relaxed), self.different.load(Relaxed), latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use upto_wire::Kind;

    #[test]
    fn a_share_is_what_it_says_and_grows_by_adding() {
        let plan = |share| Plan { version: 2, share, by: By::Host, shadow: false, max_error_rate: 0.05 };
        let hosts: Vec<String> = (0..10_000).map(|i| format!("web-{i}")).collect();
        let taken = |share: f64| -> Vec<bool> {
            let takes = |host: &String| {
                let mut report = Report::new(Kind::Start, "deploy", "step");
                report.host = host.as_str().into();
                plan(share).takes(&report)
            };
            hosts.iter().map(takes).collect()
        };
        assert!(taken(0.0).iter().all(|taken| !taken));
        assert!(taken(1.0).iter().all(|taken| *taken));
        let (tenth, half) = (taken(0.1), taken(0.5));
        let count = |taken: &[bool]| taken.iter().filter(|taken| **taken).count();
        assert!((900..1_100).contains(&count(&tenth)), "{}", count(&tenth));
        assert!((4_800..5_200).contains(&count(&half)), "{}", count(&half));
        assert!(tenth.iter().zip(&half).all(|(tenth, half)| !tenth || *half));
    }

    #[test]
    fn numbers_that_are_no_parts_are_refused() {
        let plan: Plan = serde_json::from_str(r#"{"version": 2, "share": 10}"#).unwrap();
        assert!(plan.check().unwrap_err().starts_with("share is 10;"));
    }
}
