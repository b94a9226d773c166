//! `make bench`: what upto must reach, measured through the real binaries on this machine, in one run.
//!
//! Rates are told as ratios to a binary `COPY` of the same rows into a table with the same key, taken in the same run on
//! the same server, because absolute figures say more about the machine than about upto.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod bomb;
mod copy;
mod ingest;
mod processes;
mod sender;

use anyhow::Result;

fn main() -> Result<()> {
    println!("# upto bench: {} cores, sender, upto and Postgres (durable) share them\n", cores());
    processes::report()?;
    ingest::report()?;
    bomb::report()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
