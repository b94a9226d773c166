//! HTTP → one Lua function → Postgres: what is acknowledged, how soon, by how many instances, and what it costs when
//! there is more of everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use postgres::{Client, NoTls};
use tempfile::TempDir;
use upto_tests::postgres::{Database, Postgres};
use upto_tests::server::{Server, agent};

use super::crowd::Crowd;
use super::load::{FUNCTION, Load};
use super::{copy, cpu, latency};

/// Reports of a request.
const BATCH: usize = 500;
/// Requests that are under way at the same time.
const CONNECTIONS: usize = 32;
/// Reports of one measurement.
const REPORTS: usize = 1_000_000;
/// Requests a second with one report each, and for how long.
const SINGLE: (u32, Duration) = (1_000, Duration::from_secs(10));

/// Requests a second beside slow connections, how many of these there are, and how long is measured without and with them.
const SLOW_RATE: u32 = 200;
const SLOW_CONNECTIONS: usize = 4_000;
const ALONE: Duration = Duration::from_secs(30);
const BESIDE: Duration = Duration::from_secs(60);

/// Functions that take long, so that they are the limit and not the store: rounds of a loop, and the microseconds that
/// these take, more or less.
const HEAVY: [(u32, u32); 2] = [(800, 20), (2_000, 50)];

/// A server with one function on a store.
struct Running {
    server: Server,
    _scripts: TempDir,
}

impl Running {
    fn start(store: &str, function: &str) -> Result<Self> {
        let scripts = tempfile::tempdir()?;
        std::fs::write(scripts.path().join("work.lua"), function)?;
        let folder = scripts.path().to_str().unwrap_or_default();
        let server = Server::with(&["--store", store, "--scripts", folder]);
        Ok(Running { server, _scripts: scripts })
    }

    fn url(&self) -> String {
        self.server.url("/api/events")
    }
}

/// Reports as bodies of newline-delimited JSON.
fn bodies(load: Load, reports: usize) -> Result<Vec<Vec<u8>>> {
    let reports: Vec<_> = load.reports(reports).collect();
    let mut bodies = Vec::new();
    for batch in reports.chunks(BATCH) {
        let mut body = Vec::with_capacity(BATCH * 160);
        for report in batch {
            serde_json::to_writer(&mut body, report)?;
            body.push(b'\n');
        }
        bodies.push(body);
    }
    Ok(bodies)
}

/// Sends all bodies, to the servers in turn, and returns once all are acknowledged. Returns how long it took.
fn send(urls: &[String], bodies: &[Vec<u8>]) -> Result<Duration> {
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let sender = || -> Result<()> {
        let agent = agent();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(body) = bodies.get(at) else { return Ok(()) };
            let request = agent.post(&urls[at % urls.len()]).header("content-type", "application/x-ndjson");
            let answer = request.send(&body[..])?;
            ensure!(answer.status() == 200, "answered with {}", answer.status());
            // Read, so that the connection is used again.
            answer.into_body().read_to_vec()?;
        }
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(sender)).collect();
        senders.into_iter().try_for_each(|sender| sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))?)
    })?;
    Ok(begun.elapsed())
}

/// Measures and prints the rate of batches.
pub fn batches() -> Result<()> {
    println!(
        "## HTTP, {BATCH} lines of JSON a request, {CONNECTIONS} connections → Lua → Postgres, each 2xx committed\n"
    );
    let postgres = Arc::new(Postgres::start_durable()?);
    let database = Database::fresh_on(&postgres)?;
    let running = Running::start(database.url(), FUNCTION)?;
    let bodies = bodies(Load { contexts: 10, first_step: 0 }, REPORTS)?;
    let took = send(&[running.url()], &bodies)?;
    let cpu = cpu::seconds(running.server.id())?;
    let rate = REPORTS as f64 / took.as_secs_f64();
    let mut client = Client::connect(database.url(), NoTls)?;
    let (events, bytes): (i64, i64) = {
        let row = client.query_one("SELECT count(*), pg_total_relation_size('upto.events') FROM upto.events", &[])?;
        (row.get(0), row.get(1))
    };
    let rows = copy::rows_per_second(&mut client)?;
    println!("| acknowledged/s | of COPY (0.6) | CPU s per M (upto) | resident | bytes an event (120) |");
    println!("| --- | --- | --- | --- | --- |");
    println!(
        "| {rate:.0} | {:.2} | {:.2} | {} MiB | {} |\n",
        rate / rows,
        cpu * 1e6 / REPORTS as f64,
        running.server.resident_kib() / 1024,
        bytes / events.max(1),
    );
    Ok(())
}

/// Measures and prints how soon a single report is acknowledged.
pub fn single() -> Result<()> {
    let (rate, time) = SINGLE;
    println!("## HTTP, one report a request, {rate} requests a second → Lua → Postgres\n");
    let postgres = Arc::new(Postgres::start_durable()?);
    let database = Database::fresh_on(&postgres)?;
    let running = Running::start(database.url(), FUNCTION)?;
    let times = latency::measure(&running.url(), 0, rate, time)?;
    println!("| requests | median | p99 (25 ms) | longest |\n| --- | --- | --- | --- |");
    println!("| {} | {:.1} ms | {:.1} ms | {:.1} ms |\n", times.count(), times.at(0.5), times.at(0.99), times.at(1.0));
    Ok(())
}

/// Measures and prints how soon a single report is acknowledged beside thousands of slow connections.
pub fn slow() -> Result<()> {
    println!("## HTTP, one report a request, {SLOW_RATE} requests a second, beside slow connections\n");
    let postgres = Arc::new(Postgres::start_durable()?);
    let database = Database::fresh_on(&postgres)?;
    let running = Running::start(database.url(), FUNCTION)?;
    // What is new to the server at first is not measured.
    latency::measure(&running.url(), 0, SLOW_RATE, Duration::from_secs(5))?;
    let alone = latency::measure(&running.url(), 1_000, SLOW_RATE, ALONE)?;
    let crowd = Crowd::gather(running.server.http, SLOW_CONNECTIONS)?;
    let beside = latency::measure(&running.url(), 2_000, SLOW_RATE, BESIDE)?;
    let came = crowd.leave()?;
    println!("| slow connections | median | p99 | growth of p99 (2.0) |\n| --- | --- | --- | --- |");
    println!("| none | {:.1} ms | {:.1} ms | |", alone.at(0.5), alone.at(0.99));
    println!(
        "| {SLOW_CONNECTIONS} at a time, {came} in all | {:.1} ms | {:.1} ms | {:.2} |\n",
        beside.at(0.5),
        beside.at(0.99),
        beside.at(0.99) / alone.at(0.99)
    );
    Ok(())
}

/// Measures and prints what a second instance gives.
pub fn instances() -> Result<()> {
    const REPORTS: usize = 200_000;
    println!("## One and two instances on one Postgres, with functions that take long\n");
    println!("| function | one, acknowledged/s | two | ratio (1.3) |\n| --- | --- | --- | --- |");
    let postgres = Arc::new(Postgres::start_durable()?);
    let bodies = bodies(Load { contexts: 10, first_step: 0 }, REPORTS)?;
    for (rounds, micros) in HEAVY {
        let function = format!(
            "function transform(report)
               local sum = 0
               for i = 1, {rounds} do sum = sum + i % 7 end
               report.labels.sum = tostring(sum)
               return report
             end"
        );
        let mut rates = Vec::new();
        for count in [1, 2] {
            let database = Database::fresh_on(&postgres)?;
            let running = (0..count).map(|_| Running::start(database.url(), &function));
            let running: Vec<_> = running.collect::<Result<_>>()?;
            let urls: Vec<_> = running.iter().map(Running::url).collect();
            rates.push(REPORTS as f64 / send(&urls, &bodies)?.as_secs_f64());
        }
        println!("| some {micros} µs | {:.0} | {:.0} | {:.2} |", rates[0], rates[1], rates[1] / rates[0]);
    }
    println!();
    Ok(())
}

/// What is in the store before: in each of ten contexts so many timelines of 50 steps on so many hosts.
#[derive(Clone, Copy)]
struct Stored {
    timelines: usize,
    hosts: usize,
}

/// Measures and prints how the cost of a report grows with the number of contexts and of stored events.
pub fn growth() -> Result<()> {
    println!("## Processor time for a report, upto's and Postgres', with more of everything\n");
    println!(
        "| contexts | stored events | upto, µs | with Postgres, µs | growth (1.10) |\n| --- | --- | --- | --- | --- |"
    );
    let few = Stored { timelines: 20, hosts: 1 };
    let many = Stored { timelines: 1_000, hosts: 20 };
    for pair in [[(1, few), (1_000, few)], [(10, few), (10, many)]] {
        let mut before = None;
        for (contexts, stored) in pair {
            let (upto, all) = cost(contexts, stored)?;
            let growth = before.map_or("".to_owned(), |before| format!("{:.2}", all / before));
            before = before.or(Some(all));
            let events = 10 * stored.timelines * 50 * stored.hosts;
            println!("| {contexts} | {events} | {upto:.2} | {all:.2} | {growth} |");
        }
    }
    println!();
    Ok(())
}

/// Processor time for a report in microseconds: of upto, and of Postgres too.
fn cost(contexts: usize, stored: Stored) -> Result<(f64, f64)> {
    let postgres = Arc::new(Postgres::start_durable()?);
    let database = Database::fresh_on(&postgres)?;
    let running = Running::start(database.url(), FUNCTION)?;
    fill(&database, stored)?;
    // The first load makes contexts and hosts, and is not measured.
    let warm = bodies(Load { contexts, first_step: 0 }, contexts.max(100) * 40)?;
    let measured = bodies(Load { contexts, first_step: 1_000_000 }, REPORTS)?;
    send(&[running.url()], &warm)?;
    database.execute("CHECKPOINT")?;
    let server = postgres.pid().unwrap_or_default();
    let (upto, store) = (cpu::seconds(running.server.id())?, cpu::seconds_of_all(server)?);
    send(&[running.url()], &measured)?;
    let upto = cpu::seconds(running.server.id())? - upto;
    let store = cpu::seconds_of_all(server)? - store;
    let micros = |seconds: f64| seconds * 1e6 / REPORTS as f64;
    Ok((micros(upto), micros(upto + store)))
}

fn fill(database: &Database, Stored { timelines, hosts }: Stored) -> Result<()> {
    database.execute(&format!(
        "INSERT INTO upto.contexts (name, latest, created_at) \
           SELECT 'deploy-' || n, {timelines}, now() FROM generate_series(0, 9) n; \
         INSERT INTO upto.texts (context_id, text) \
           SELECT c.id, 'old-' || n FROM upto.contexts c, generate_series(1, 50 + {hosts}) n; \
         INSERT INTO upto.timelines (context_id, number, created_at, received_at) \
           SELECT c.id, n, now(), now() FROM upto.contexts c, generate_series(1, {timelines}) n; \
         INSERT INTO upto.events (context_id, timeline, name_id, host_id, started_at, ended_at) \
           SELECT c.id, t, n, h, now(), now() FROM upto.contexts c, generate_series(1, {timelines}) t, \
             generate_series(1, 50) n, generate_series(51, 50 + {hosts}) h"
    ))?;
    database.execute("VACUUM (FREEZE, ANALYZE)")
}
