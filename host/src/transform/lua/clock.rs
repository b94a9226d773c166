//! The time that scripts have.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use mlua::{Error, VmState};

use crate::transform::{Failure, FailureCause, budget, cpu};

/// Interrupts between two looks at the clock. What runs between two interrupts takes milliseconds at the worst.
const INTERRUPTS: u32 = 4;

/// The deadline of the running call. Once it is past, every later interrupt raises an error, so that a script which
/// catches one is stopped by the next.
///
/// To read the processor's time for each report is too dear. So the deadline is one of the wall clock first; where it
/// is past, the script has as much again in processor time, counted from there, within [`budget::CALL_TIME`], or twice
/// its own time where that is more.
pub(super) struct Clock {
    base: Instant,
    started_ns: AtomicU64,
    deadline_ns: AtomicU64,
    allowed_ns: AtomicU64,
    /// Processor time at the first deadline; 0 before.
    grace_from_ns: AtomicU64,
    interrupts: AtomicU32,
    expired: AtomicBool,
}

impl Clock {
    pub(super) fn new() -> Self {
        Clock {
            base: Instant::now(),
            started_ns: AtomicU64::new(0),
            deadline_ns: AtomicU64::new(0),
            allowed_ns: AtomicU64::new(0),
            grace_from_ns: AtomicU64::new(0),
            interrupts: AtomicU32::new(0),
            expired: AtomicBool::new(false),
        }
    }

    pub(super) fn start(&self, time: Duration) {
        let (now, allowed) = (self.now_ns(), time.as_nanos() as u64);
        self.started_ns.store(now, Relaxed);
        self.deadline_ns.store(now + allowed, Relaxed);
        self.allowed_ns.store(allowed, Relaxed);
        self.grace_from_ns.store(0, Relaxed);
        self.interrupts.store(0, Relaxed);
    }

    pub(super) fn expired(&self) -> bool {
        self.expired.load(Relaxed)
    }

    pub(super) fn late(&self) -> Failure {
        let message = format!("it ran longer than {} ms", self.allowed_ns.load(Relaxed) / 1_000_000);
        Failure { cause: FailureCause::Time, message }
    }

    /// What the interrupt does.
    pub(super) fn check(&self) -> mlua::Result<VmState> {
        // One thread runs a state, so that load and store are as good as an atomic addition, and cheaper.
        let count = self.interrupts.load(Relaxed).wrapping_add(1);
        self.interrupts.store(count, Relaxed);
        if count.is_multiple_of(INTERRUPTS) {
            let now = self.now_ns();
            if now > self.deadline_ns.load(Relaxed) && !self.extend(now) {
                self.expired.store(true, Relaxed);
            }
        }
        match self.expired() {
            true => Err(Error::runtime("out of time")),
            false => Ok(VmState::Continue),
        }
    }

    /// Moves a deadline that is past, unless the script has run for its time.
    fn extend(&self, now: u64) -> bool {
        let (cpu, allowed) = (cpu::time().as_nanos() as u64, self.allowed_ns.load(Relaxed));
        let from = match self.grace_from_ns.load(Relaxed) {
            0 => cpu,
            from => from,
        };
        self.grace_from_ns.store(from, Relaxed);
        let left = allowed.saturating_sub(cpu - from);
        self.deadline_ns.store(now + left, Relaxed);
        let latest = (budget::CALL_TIME.as_nanos() as u64).max(2 * allowed);
        left > 0 && now - self.started_ns.load(Relaxed) < latest
    }

    fn now_ns(&self) -> u64 {
        self.base.elapsed().as_nanos() as u64
    }
}
