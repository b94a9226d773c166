//! UDP → one Lua function → Postgres: the highest steady rate that loses nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use postgres::{Client, NoTls};
use upto_tests::postgres::{Database, Postgres};
use upto_tests::server::Server;
use upto_wire::{Report, msgpack};

use super::load::{FUNCTION, Load};
use super::{copy, cpu};

/// Rates to try, as parts of what `COPY` takes: machines differ, and so does one from one day to the next.
const OFFERED: [f64; 9] = [0.1, 0.2, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8];
/// Reports per second of a first run, which shows how fast `COPY` is.
const FIRST: u32 = 50_000;
/// How long each rate is kept up.
const SECONDS: u32 = 6;
/// How long the last report may take from its datagram to the store.
const VISIBLE_WITHIN: Duration = Duration::from_millis(1_500);

/// What one rate gave.
struct Run {
    sent: u64,
    lost: u64,
    /// Of the lost, those that the kernel and the queue counted.
    lost_where: [u64; 2],
    /// Reports per second from the first datagram to the last commit.
    rate: f64,
    lag: Duration,
    cpu_s: f64,
    resident_mib: u64,
}

/// Measures and prints.
pub fn report() -> Result<()> {
    println!("## UDP → Lua (lower-case, strip domain, drop canaries) → Postgres, one report a datagram\n");
    println!(
        "| offered/s | sent | lost (kernel, queue) | stored/s | of COPY | last visible after | CPU s per M (upto) | resident |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let postgres = Arc::new(Postgres::start_durable()?);
    let database = Database::fresh_on(&postgres)?;
    run(database.url(), FIRST)?;
    let rows = copy::rows_per_second(&mut Client::connect(database.url(), NoTls)?)?;
    let mut best: Option<(u32, f64, f64)> = None;
    for rate in OFFERED.map(|part| (rows * part) as u32) {
        let database = Database::fresh_on(&postgres)?;
        let run = run(database.url(), rate)?;
        let rows = copy::rows_per_second(&mut Client::connect(database.url(), NoTls)?)?;
        let ratio = run.rate / rows;
        println!(
            "| {rate} | {} | {} ({}, {}) | {:.0} | {ratio:.2} | {} ms | {:.2} | {} MiB |",
            run.sent,
            run.lost,
            run.lost_where[0],
            run.lost_where[1],
            run.rate,
            run.lag.as_millis(),
            run.cpu_s * 1e6 / run.sent as f64,
            run.resident_mib,
        );
        if run.lost > 0 || run.lag > VISIBLE_WITHIN {
            break;
        }
        // Where more is offered than there are cores for, the sender is slower, too.
        if best.as_ref().is_none_or(|(_, best, _)| run.rate > *best) {
            best = Some((rate, run.rate, ratio));
        }
    }
    match best {
        Some((offered, stored, ratio)) => {
            println!("\nMost without loss: {stored:.0}/s of {offered}/s = {ratio:.2} × COPY of the resulting rows.\n");
        }
        None => println!("\nNot even {}/s came through without loss.\n", (rows * OFFERED[0]) as u32),
    }
    Ok(())
}

fn run(database: &str, rate: u32) -> Result<Run> {
    let scripts = tempfile::tempdir()?;
    std::fs::write(scripts.path().join("peers.lua"), FUNCTION)?;
    let folder = scripts.path().to_str().unwrap_or_default();
    let server = Server::with(&["--store", database, "--scripts", folder]);
    let datagrams = datagrams((rate * SECONDS) as usize);
    let sent = datagrams.len() as u64;
    let begun = Instant::now();
    let sending = super::sender::send(&datagrams, server.udp, rate)?;
    let (lost, settled) = settle(&server, sent);
    let (took, cpu_s, resident_mib) = (settled - begun, cpu::seconds(server.id())?, server.resident_kib() / 1024);
    let lost_where =
        ["upto_kernel_dropped_datagrams_total", "upto_reports_dropped_by_queue_total"].map(|name| server.metric(name));
    let events: i64 = Client::connect(database, NoTls)?.query_one("SELECT count(*) FROM upto.events", &[])?.get(0);
    if lost == 0 {
        // Each pair of a start and an end is one event; one host in 20 is a canary.
        ensure!(events as u64 == sent / 2 * 19 / 20, "{events} events of {sent} reports");
    }
    let rate = (sent - lost) as f64 / took.as_secs_f64();
    Ok(Run { sent, lost, lost_where, rate, lag: took.saturating_sub(sending), cpu_s, resident_mib })
}

/// Waits until all is stored that will be. Says how many reports were lost on the way, and when the last one was stored.
fn settle(server: &Server, sent: u64) -> (u64, Instant) {
    const GIVEN_UP_AFTER: Duration = Duration::from_secs(3);
    let (mut done, mut progress) = (0, Instant::now());
    while done < sent && progress.elapsed() < GIVEN_UP_AFTER {
        let now = server.metric("upto_reports_stored_total") + server.metric("upto_reports_dropped_by_functions_total");
        if now > done {
            (done, progress) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    (sent - done, progress)
}

/// As many datagrams as a rate takes.
fn datagrams(count: usize) -> Vec<Vec<u8>> {
    let encoded = |report: Report<'_>| {
        let mut datagram = Vec::with_capacity(128);
        msgpack::encode(&report, &mut datagram);
        datagram
    };
    Load { contexts: 10, first_step: 0 }.reports(count).map(encoded).collect()
}
