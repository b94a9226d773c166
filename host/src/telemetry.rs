//! What the server counts about itself, in the Prometheus text format.
//!
//! The promise that every loss is counted, in reports: `received + replayed + made by functions = stored + refused +
//! dropped by functions + kept as dead letters + dropped by the queue + lost at the store`, once nothing is in flight. A
//! datagram that never got to be decoded counts as one report, and so does a request or a datagram of which a function made none.

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

/// A value that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// What it was set to last.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Reports refused, by [`WireError::cause`] or as their sender brings too much that is new, and requests and datagrams of
/// which a function made no report.
#[derive(Debug, Default)]
pub struct Refused {
    by_cause: [Counter; Refusal::CAUSES.len()],
    by_function: Counter,
    /// Reports of a new context, of a sender who brings too many.
    pub new_contexts: Counter,
    /// Reports with a new name, host or timeline, of a sender who brings too many.
    pub new_names: Counter,
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
        let others =
            [("function", &self.by_function), ("new_contexts", &self.new_contexts), ("new_names", &self.new_names)];
        by_cause.chain(others).map(|(cause, counter)| (cause, counter.get()))
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
    /// Reports of dead letters that were given another chance.
    pub replayed: Counter,
    /// Reports refused by cause.
    pub refused: Refused,
    /// Reports (or datagrams not yet decoded) dropped because the queue was full.
    pub queue_drops: Counter,
    /// Reports that functions dropped.
    pub function_drops: Counter,
    /// Reports that functions made beyond those they were given.
    pub function_extra: Counter,
    /// Reports on which a function failed and that are kept as dead letters.
    pub dead_letters: Counter,
    /// Reports that the store has committed.
    pub stored: Counter,
    /// Reports that the store refused, or that it never took before the server had to stop.
    pub lost: Counter,
    /// Batches committed.
    pub batches: Counter,
    /// Writes that were tried again because the store was away.
    pub retries: Counter,
    /// Timelines that this instance deleted by the rules of retention.
    pub retention_timelines: Counter,
    /// Their events.
    pub retention_events: Counter,
    /// Rounds of the housekeeping that failed.
    pub housekeeping_failed: Counter,
    /// Connections closed to make room for others, as their clients kept them waiting.
    pub connections_closed: Counter,
    /// Chunks of datagrams that went to the spool.
    pub spooled: Counter,
    /// Chunks that came back from it.
    pub unspooled: Counter,
    /// Chunks that it had no room for, or the disk did not take.
    pub spool_drops: Counter,
    /// Places of it that could not be read.
    pub spool_damage: Counter,
    /// Bytes that it has on disk.
    pub spool_bytes: Gauge,
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
        ("upto_reports_replayed_total", "Reports of dead letters that were given another chance.", &telemetry.replayed),
        ("upto_reports_stored_total", "Reports committed to the store.", &telemetry.stored),
        ("upto_reports_dropped_by_queue_total", "Reports dropped because the queue was full.", &telemetry.queue_drops),
        ("upto_reports_dropped_by_functions_total", "Reports that functions dropped.", &telemetry.function_drops),
        (
            "upto_reports_made_by_functions_total",
            "Reports that functions made beyond those given.",
            &telemetry.function_extra,
        ),
        (
            "upto_reports_dead_lettered_total",
            "Reports on which a function failed, kept as dead letters.",
            &telemetry.dead_letters,
        ),
        ("upto_reports_lost_total", "Reports that the store refused or never took.", &telemetry.lost),
        ("upto_batches_total", "Batches committed to the store.", &telemetry.batches),
        ("upto_store_retries_total", "Writes tried again because the store was away.", &telemetry.retries),
        (
            "upto_retention_deleted_timelines_total",
            "Timelines that this instance deleted by the rules of retention.",
            &telemetry.retention_timelines,
        ),
        ("upto_retention_deleted_events_total", "Events that went with them.", &telemetry.retention_events),
        (
            "upto_housekeeping_failed_rounds_total",
            "Rounds of the housekeeping that failed.",
            &telemetry.housekeeping_failed,
        ),
        (
            "upto_connections_closed_total",
            "Connections closed to make room for others, as their clients kept them waiting.",
            &telemetry.connections_closed,
        ),
        ("upto_spool_chunks_written_total", "Chunks of datagrams that went to the spool.", &telemetry.spooled),
        ("upto_spool_chunks_read_total", "Chunks that came back from the spool.", &telemetry.unspooled),
        (
            "upto_spool_chunks_dropped_total",
            "Chunks that the spool had no room for, or the disk did not take.",
            &telemetry.spool_drops,
        ),
        ("upto_spool_damaged_total", "Places of the spool that could not be read.", &telemetry.spool_damage),
    ];
    for (name, help, counter) in counters {
        // Writing to a String can't fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}", counter.get());
    }
    let name = "upto_spool_bytes";
    let bytes = telemetry.spool_bytes.get();
    let _ = writeln!(out, "# HELP {name} Bytes that the spool has on disk.\n# TYPE {name} gauge\n{name} {bytes}");
    let name = "upto_reports_refused_total";
    let _ = writeln!(out, "# HELP {name} Reports refused, by cause.\n# TYPE {name} counter");
    for (cause, count) in telemetry.refused.iter() {
        let _ = writeln!(out, "{name}{{cause=\"{cause}\"}} {count}");
    }
}

/// The lines of the functions.
pub fn render_functions(versions: &[Snapshot], out: &mut String) {
    type Value = fn(&Snapshot) -> f64;
    let families: [(&str, &str, &str, Value); 16] = [
        ("received_total", "counter", "Reports given to a function.", |s| s.received as f64),
        ("kept_total", "counter", "Reports that it left as they were.", |s| s.kept as f64),
        ("changed_total", "counter", "Reports that it changed.", |s| s.changed as f64),
        ("dropped_total", "counter", "Reports that it dropped.", |s| s.dropped as f64),
        ("expanded_total", "counter", "Reports for which it made several.", |s| s.expanded as f64),
        ("resting", "gauge", "1 while it rests, as it failed again and again.", |s| f64::from(u8::from(s.resting))),
        ("skipped_total", "counter", "Reports that came while it rested.", |s| s.skipped as f64),
        ("made_total", "counter", "Reports that it made of those expanded.", |s| s.made as f64),
        ("requests_total", "counter", "Requests and datagrams given to it.", |s| s.requests as f64),
        ("requests_made_total", "counter", "Reports that it made of requests and datagrams.", |s| {
            s.requests_made as f64
        }),
        ("requests_refused_total", "counter", "Requests that it refused.", |s| s.requests_refused as f64),
        (
            "requests_failed_total",
            "counter",
            "Requests and datagrams on which it failed, or that came while it rested.",
            |s| s.requests_failed as f64,
        ),
        ("busy_seconds_total", "counter", "Time spent in it.", |s| s.busy.as_secs_f64()),
        ("report_seconds_p50", "gauge", "Median time for a report or a request since the start.", |s| {
            s.p50.as_secs_f64()
        }),
        ("report_seconds_p99", "gauge", "Time that 99 of 100 of them keep to.", |s| s.p99.as_secs_f64()),
        ("memory_peak_bytes", "gauge", "The most memory an instance was seen to hold.", |s| s.memory_peak as f64),
    ];
    let labels = |s: &Snapshot| format!("function={:?},version=\"{}\"", s.function, s.version);
    for (what, kind, help, value) in families {
        // Writing to a String can't fail.
        let _ = writeln!(out, "# HELP upto_function_{what} {help}\n# TYPE upto_function_{what} {kind}");
        for version in versions {
            let _ = writeln!(out, "upto_function_{what}{{{}}} {}", labels(version), value(version));
        }
    }
    let name = "upto_function_failed_total";
    let _ = writeln!(out, "# HELP {name} Reports on which it failed, by cause.\n# TYPE {name} counter");
    for version in versions {
        for (cause, count) in FailureCause::ALL.iter().zip(version.failed) {
            let _ = writeln!(out, "{name}{{{},cause=\"{}\"}} {count}", labels(version), cause.as_str());
        }
    }
}
