//! What the server counts about itself, in the Prometheus text format.
//!
//! The promise that every loss is counted, in reports: `received + made by functions = stored + refused + dropped by
//! functions + dropped by the queue + lost at the store`, once nothing is in flight. A datagram that never got to be
//! decoded counts as one report, and so does a request or a datagram of which a function made none.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use upto_wire::{Refusal, WireError};

use crate::transform::{FailureCause, Snapshot};

/// A counter that many threads may count on.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// What was counted.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Reports refused, by [`WireError::cause`], and requests and datagrams of which a function made no report.
#[derive(Debug, Default)]
pub struct Refused {
    by_cause: [Counter; Refusal::CAUSES.len()],
    by_function: Counter,
}

impl Refused {
    /// Counts a refused report.
    pub fn count(&self, error: &WireError) {
        let cause = error.cause();
        if let Some(at) = Refusal::CAUSES.iter().position(|known| *known == cause) {
            self.by_cause[at].add(1);
        }
    }

    /// Counts a request or datagram that a function refused, or on which it failed.
    pub fn count_by_function(&self) {
        self.by_function.add(1);
    }

    /// Each cause with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let by_cause = Refusal::CAUSES.into_iter().zip(&self.by_cause);
        by_cause.chain([("function", &self.by_function)]).map(|(cause, counter)| (cause, counter.get()))
    }
}

/// The counters of one process.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// Datagrams taken from the socket.
    pub datagrams: Counter,
    /// Datagrams that the kernel dropped because the socket's buffer was full.
    pub kernel_drops: Counter,
    /// Reports that came, by datagram or request, the refused ones included.
    pub received: Counter,
    /// Reports refused by cause.
    pub refused: Refused,
    /// Reports (or datagrams not yet decoded) dropped because the queue was full.
    pub queue_drops: Counter,
    /// Reports that functions dropped.
    pub function_drops: Counter,
    /// Reports that functions made beyond those they were given.
    pub function_extra: Counter,
    /// Reports that the store has committed.
    pub stored: Counter,
    /// Reports that the store refused, or that it never took before the server had to stop.
    pub lost: Counter,
    /// Batches committed.
    pub batches: Counter,
    /// Writes that were tried again because the store was away.
    pub retries: Counter,
}

/// The metrics page, but for the functions.
pub fn render(telemetry: &Telemetry, out: &mut String) {
    let counters = [
        ("upto_datagrams_total", "Datagrams taken from the socket.", &telemetry.datagrams),
        (
            "upto_kernel_dropped_datagrams_total",
            "Datagrams dropped by the kernel: the socket's buffer was full.",
            &telemetry.kernel_drops,
        ),
        ("upto_reports_received_total", "Reports that came, refused ones included.", &telemetry.received),
        ("upto_reports_stored_total", "Reports committed to the store.", &telemetry.stored),
        ("upto_reports_dropped_by_queue_total", "Reports dropped because the queue was full.", &telemetry.queue_drops),
        ("upto_reports_dropped_by_functions_total", "Reports that functions dropped.", &telemetry.function_drops),
        (
            "upto_reports_made_by_functions_total",
            "Reports that functions made beyond those given.",
            &telemetry.function_extra,
        ),
        ("upto_reports_lost_total", "Reports that the store refused or never took.", &telemetry.lost),
        ("upto_batches_total", "Batches committed to the store.", &telemetry.batches),
        ("upto_store_retries_total", "Writes tried again because the store was away.", &telemetry.retries),
    ];
    for (name, help, counter) in counters {
        // Writing to a String can't fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}", counter.get());
    }
    let name = "upto_reports_refused_total";
    let _ = writeln!(out, "# HELP {name} Reports refused, by cause.\n# TYPE {name} counter");
    for (cause, count) in telemetry.refused.iter() {
        let _ = writeln!(out, "{name}{{cause=\"{cause}\"}} {count}");
    }
}

/// The lines of the functions.
pub fn render_functions(functions: &[Snapshot], out: &mut String) {
    type Count = fn(&Snapshot) -> u64;
    let counters: [(&str, &str, Count); 10] = [
        ("received", "Reports given to a function.", |function| function.received),
        ("kept", "Reports that it left as they were.", |function| function.kept),
        ("changed", "Reports that it changed.", |function| function.changed),
        ("dropped", "Reports that it dropped.", |function| function.dropped),
        ("expanded", "Reports for which it made several.", |function| function.expanded),
        ("skipped", "Reports that passed it by while it rested.", |function| function.skipped),
        ("made", "Reports that it made of those expanded.", |function| function.made),
        ("requests", "Requests and datagrams given to it.", |function| function.requests),
        ("requests_refused", "Requests that it refused.", |function| function.requests_refused),
        ("requests_failed", "Requests and datagrams on which it failed.", |function| function.requests_failed),
    ];
    for (what, help, count) in counters {
        let _ = writeln!(out, "# HELP upto_function_{what}_total {help}\n# TYPE upto_function_{what}_total counter");
        for function in functions {
            let _ = writeln!(out, "upto_function_{what}_total{{function={:?}}} {}", function.function, count(function));
        }
    }
    let name = "upto_function_failed_total";
    let _ = writeln!(out, "# HELP {name} Reports on which it failed, by cause.\n# TYPE {name} counter");
    for function in functions {
        for (cause, count) in FailureCause::ALL.iter().zip(function.failed) {
            let _ = writeln!(out, "{name}{{function={:?},cause=\"{}\"}} {count}", function.function, cause.as_str());
        }
    }
    let name = "upto_function_busy_seconds_total";
    let _ = writeln!(out, "# HELP {name} Time spent in it.\n# TYPE {name} counter");
    for function in functions {
        let _ = writeln!(out, "{name}{{function={:?}}} {}", function.function, function.busy.as_secs_f64());
    }
}
