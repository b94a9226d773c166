//! `make bench`: what upto must reach, measured through the real binaries on this machine, in one run.
//!
//! Rates are told as ratios to a binary `COPY` of the same rows into a table with the same key, taken in the same run on
//! the same server, because absolute figures say more about the machine than about upto.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod bomb;
mod copy;
mod cpu;
mod crowd;
mod http;
mod ingest;
mod latency;
mod load;
mod processes;
mod sender;

use anyhow::{Result, ensure};

/// Measures and prints.
type Report = fn() -> Result<()>;

/// What can be measured, by the names that pick one.
const SECTIONS: [(&str, Report); 8] = [
    ("processes", processes::report),
    ("udp", ingest::report),
    ("http", http::batches),
    ("single", http::single),
    ("slow", http::slow),
    ("instances", http::instances),
    ("growth", http::growth),
    ("bomb", bomb::report),
];

/// Without arguments all is measured, else the sections that are named.
fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let unknown = wanted.iter().find(|name| SECTIONS.iter().all(|(known, _)| known != name));
    ensure!(unknown.is_none(), "there is no section {unknown:?}; there are {:?}", SECTIONS.map(|(name, _)| name));
    println!("# upto bench: {} cores, sender, upto and Postgres (durable) share them\n", cores());
    for (name, report) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            report()?;
        }
    }
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
