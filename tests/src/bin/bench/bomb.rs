//! Ingest while a compile bomb is checked: how much slower it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use upto_tests::components;
use upto_tests::postgres::{Database, Postgres};
use upto_tests::server::{Answer, Server};

/// How long requests are sent without the bomb, and at most with it: a check has 10 s.
const TIME: Duration = Duration::from_secs(8);
/// Reports of a request.
const REPORTS: usize = 500;

/// Measures and prints.
pub fn report() -> Result<()> {
    println!(
        "## A compile bomb is deployed under load (requests of {REPORTS} reports, one after another) → Postgres\n"
    );
    let postgres = Arc::new(Postgres::start_durable()?);
    let database = Database::fresh_on(&postgres)?;
    let server = Server::with(&["--store", database.url()]);
    let url = server.url("/api/events");
    // The first one warms up.
    rate(&url, &|| false)?;
    let before = rate(&url, &|| false)?;
    let (begun, refused) = (Instant::now(), AtomicBool::new(false));
    let (during, answer) = std::thread::scope(|scope| {
        let load = scope.spawn(|| rate(&url, &|| refused.load(Ordering::Relaxed)));
        let bomb = components::bomb(1, 1_000_000);
        let answer = server.put_as("/api/functions/bomb", "application/wasm", &bomb);
        refused.store(true, Ordering::Relaxed);
        (load.join(), answer)
    });
    let (took, during) = (begun.elapsed(), during.map_err(|_| anyhow::anyhow!("the load panicked"))??);
    ensure!(answer.status == 422, "the bomb was answered with {answer:?}");
    println!("| reports/s before | during | ratio | refused after |\n| --- | --- | --- | --- |");
    println!("| {before:.0} | {during:.0} | {:.2} | {:.1} s |\n", during / before, took.as_secs_f64());
    Ok(())
}

/// Reports per second that are acknowledged, for [`TIME`] or until `done`.
fn rate(url: &str, done: &dyn Fn() -> bool) -> Result<f64> {
    let begun = Instant::now();
    let mut sent = 0;
    while begun.elapsed() < TIME && !done() {
        let report = |at| json!({"context": "load", "name": format!("step{at}"), "type": "point"});
        let answer = Answer::to_post(url, &(0..REPORTS).map(report).collect())?;
        ensure!(answer.status == 200, "{answer:?}");
        sent += REPORTS;
    }
    Ok(sent as f64 / begun.elapsed().as_secs_f64())
}
