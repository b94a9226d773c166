//! The circuit breaker of a function: one that fails again and again has a rest, so that it can't hold up what it serves.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Calls in a row that may run out of time: without it, a function that hangs on each report would take every thread
/// for ever.
const LATE_CALLS: u32 = 5;
/// Reports or requests in a row that may fail for whatever cause.
const FAILURES: u32 = 100;
/// How long it rests; so long one waits, too, that can't be instantiated.
pub const REST: Duration = Duration::from_secs(5);

/// What a version's threads share of its failures.
#[derive(Debug)]
pub(super) struct Breaker {
    born: Instant,
    late_calls: AtomicU32,
    failures: AtomicU32,
    /// In milliseconds since `born`.
    rests_until: AtomicU64,
}

impl Default for Breaker {
    fn default() -> Self {
        let (late_calls, failures, rests_until) = Default::default();
        Breaker { born: Instant::now(), late_calls, failures, rests_until }
    }
}

impl Breaker {
    /// Whether the function has its rest.
    pub fn rests(&self) -> bool {
        self.now() < self.rests_until.load(Relaxed)
    }

    /// Forgets all failures.
    pub fn reset(&self) {
        self.late_calls.store(0, Relaxed);
        self.failures.store(0, Relaxed);
        self.rests_until.store(0, Relaxed);
    }

    /// Lets it rest.
    pub fn rest(&self, function: &str, why: &str) {
        self.late_calls.store(0, Relaxed);
        self.failures.store(0, Relaxed);
        self.rests_until.store(self.now() + REST.as_millis() as u64, Relaxed);
        tracing::warn!(function, rest_s = REST.as_secs(), "{why}; it rests");
    }

    /// Judges a call by how it went: whether it was late, how many failed without a success after them, and whether there
    /// was any success.
    pub fn judge(&self, function: &str, late: bool, failures: u32, success: bool) {
        let late_calls = if late { self.late_calls.load(Relaxed) + 1 } else { 0 };
        self.late_calls.store(late_calls, Relaxed);
        if success {
            self.failures.store(failures, Relaxed);
        } else {
            self.failures.fetch_add(failures, Relaxed);
        }
        if late_calls >= LATE_CALLS {
            self.rest(function, "runs out of time");
        } else if self.failures.load(Relaxed) >= FAILURES {
            self.rest(function, "fails again and again");
        }
    }

    fn now(&self) -> u64 {
        self.born.elapsed().as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_calls_and_failures_in_a_row_open_it() {
        let breaker = Breaker::default();
        for _ in 1..LATE_CALLS {
            breaker.judge("f", true, 1, false);
        }
        assert!(!breaker.rests());
        breaker.judge("f", false, 0, true);
        breaker.judge("f", true, 1, false);
        assert!(!breaker.rests(), "a good call in between");
        breaker.judge("f", false, FAILURES - 2, false);
        assert!(!breaker.rests());
        breaker.judge("f", false, 1, false);
        assert!(breaker.rests());
        breaker.reset();
        assert!(!breaker.rests());
    }
}
