//! Looking at reports as they pass a function. It costs nothing while nobody looks.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;
use upto_wire::Report;

use super::Outcome;

/// Samples that are shown in a second; what is beyond it is left out.
pub const SAMPLES_PER_SECOND: u32 = 20;
/// Samples that a slow onlooker may fall behind.
const KEPT: usize = 64;

/// A report before and after a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The version that ran.
    pub version: u32,
    /// The report as the function was given it.
    pub before: Report<'static>,
    /// What came of it.
    pub outcome: Outcome,
    /// Its part of the time of the call.
    pub time: Duration,
}

/// The tap of one function.
#[derive(Debug)]
pub struct Tap {
    samples: broadcast::Sender<Sample>,
    born: Instant,
    /// The second of the newest sample, and how many there were in it.
    second: AtomicU64,
    shown: AtomicU32,
}

impl Default for Tap {
    fn default() -> Self {
        let (second, shown) = (AtomicU64::new(0), AtomicU32::new(0));
        Tap { samples: broadcast::channel(KEPT).0, born: Instant::now(), second, shown }
    }
}

impl Tap {
    /// What passes from now on.
    pub fn watch(&self) -> broadcast::Receiver<Sample> {
        self.samples.subscribe()
    }

    /// Whether somebody looks.
    pub(super) fn is_watched(&self) -> bool {
        self.samples.receiver_count() > 0
    }

    /// Shows a sample, unless there were too many within the second.
    pub(super) fn show(&self, version: u32, before: &Report<'_>, outcome: &Outcome, time: Duration) {
        let second = self.born.elapsed().as_secs();
        // Several threads may add a few more at the turn of a second.
        if self.second.swap(second, Relaxed) != second {
            self.shown.store(0, Relaxed);
        }
        if self.shown.fetch_add(1, Relaxed) < SAMPLES_PER_SECOND {
            let sample = Sample { version, before: before.clone().into_owned(), outcome: outcome.clone(), time };
            // Nobody may be looking any more.
            let _ = self.samples.send(sample);
        }
    }
}
