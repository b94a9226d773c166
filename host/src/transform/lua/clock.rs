//! The time that scripts have.

use std::time::Duration;

use crate::transform::{Failure, FailureCause, budget, cpu};

/// Interrupts between two looks at the clock. What runs between two interrupts takes milliseconds at the worst.
const INTERRUPTS: u32 = 4;

/// The deadline of the running call. Once it is past, every later interrupt raises an error, so that a script which
/// catches one is stopped by the next.
///
/// To read the processor's time for each report is too dear. So the deadline is one of the time that passes, by a clock that
/// is some milliseconds behind; where it is past, the script has as much again in processor time, counted from there, within
/// [`budget::CALL_TIME`], or twice its own time where that is more.
pub(super) struct Clock {
    started: Duration,
    deadline: Duration,
    allowed: Duration,
    /// Processor time at the first deadline.
    grace_from: Option<Duration>,
    interrupts: u32,
    expired: bool,
}

impl Clock {
    /// A clock that allows `time` from now on.
    pub(super) fn started(time: Duration) -> Self {
        let now = cpu::passed();
        Clock { started: now, deadline: now + time, allowed: time, grace_from: None, interrupts: 0, expired: false }
    }

    /// Allows `time` from `now` on, which is of [`cpu::passed`]. A clock that has expired stays so.
    pub(super) fn restart(&mut self, now: Duration, time: Duration) {
        let expired = self.expired;
        *self = Clock { started: now, deadline: now + time, allowed: time, grace_from: None, interrupts: 0, expired };
    }

    pub(super) fn expired(&self) -> bool {
        self.expired
    }

    pub(super) fn late(&self) -> Failure {
        let message = format!("it ran longer than {} ms", self.allowed.as_millis());
        Failure::new(FailureCause::Time, message)
    }

    /// To be called at each interrupt: whether the script is to be stopped.
    pub(super) fn tick(&mut self) -> bool {
        self.interrupts += 1;
        if self.interrupts == INTERRUPTS {
            self.interrupts = 0;
            let now = cpu::passed();
            self.expired = self.expired || (now > self.deadline && !self.extend(now));
        }
        self.expired
    }

    /// Moves a deadline that is past, unless the script has run for its time.
    fn extend(&mut self, now: Duration) -> bool {
        let cpu = cpu::time();
        let from = *self.grace_from.get_or_insert(cpu);
        let left = self.allowed.saturating_sub(cpu - from);
        self.deadline = now + left;
        let latest = budget::CALL_TIME.max(2 * self.allowed);
        !left.is_zero() && now - self.started < latest
    }
}
