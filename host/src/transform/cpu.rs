//! The time that a thread has run. Budgets are of this time: a function is not to blame for a busy machine.

use std::time::Duration;

use super::{Failure, FailureCause, budget};

/// Processor time of the calling thread since it began. It costs a system call, some 200 ns.
pub(super) fn time() -> Duration {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Time that has passed since some moment, as of the kernel's latest tick. Ticks are at most [`TICK`] apart; it costs a few
/// ns where a precise clock costs some 30.
pub(super) fn passed() -> Duration {
    read(libc::CLOCK_MONOTONIC_COARSE)
}

/// The longest time between two ticks of a kernel (CONFIG_HZ=100).
const TICK: Duration = Duration::from_millis(10);

fn read(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of this frame, which the call fills.
    let result = unsafe { libc::clock_gettime(clock, &mut time) };
    debug_assert_eq!(result, 0, "every system that the host runs on has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The time of one call with many reports.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallBudget {
    began: Duration,
    cpu: Duration,
}

impl CallBudget {
    pub(super) fn start() -> Self {
        CallBudget { began: passed(), cpu: time() }
    }

    /// Whether another report may begin at this time of [`passed`], so that the call keeps to [`budget::CALL_TIME`].
    pub(super) fn left(&self, now: Duration) -> bool {
        let latest = budget::CALL_TIME - budget::REPORT_TIME;
        // What has run is never more than what has passed, and that is cheaper to ask.
        now + TICK - self.began <= latest || time() - self.cpu <= latest
    }

    /// Whether the call took longer than [`budget::CALL_TIME`].
    pub(super) fn is_over(&self) -> bool {
        passed() + TICK - self.began > budget::CALL_TIME && time() - self.cpu > budget::CALL_TIME
    }

    /// The failure of a report that may not begin, and of one that went on too long.
    pub(super) fn exceeded(&self) -> Failure {
        let message = format!("what one call was given took more than {} ms", budget::CALL_TIME.as_millis());
        Failure::new(FailureCause::Time, message)
    }
}
