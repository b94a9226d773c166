//! Ingest while a compile bomb is checked: how much slower it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use upto_tests::bomb;
use upto_tests::postgres::{Database, Postgres};
use upto_tests::server::Server;

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
    let before = rate(&server, &|| false)?;
    let deploying = std::sync::atomic::AtomicBool::new(true);
    let (during, refused) = std::thread::scope(|scope| {
        let deploy = scope.spawn(|| {
            let begun = Instant::now();
            let answer = server.put_as("/api/functions/bomb", "application/wasm", &bomb::component());
            deploying.store(false, std::sync::atomic::Ordering::Relaxed);
            (answer.status, begun.elapsed())
        });
        let during = rate(&server, &|| !deploying.load(std::sync::atomic::Ordering::Relaxed));
        (during, deploy.join())
    });
    let (during, (status, took)) = (during?, refused.map_err(|_| anyhow::anyhow!("the deployment panicked"))?);
    ensure!(status == 422, "the bomb was answered with {status}");
    println!("| reports/s before | during | ratio | refused after |\n| --- | --- | --- | --- |");
    println!("| {before:.0} | {during:.0} | {:.2} | {:.1} s |\n", during / before, took.as_secs_f64());
    Ok(())
}

/// Reports per second that are acknowledged, for [`TIME`] or until `done`.
fn rate(server: &Server, done: &dyn Fn() -> bool) -> Result<f64> {
    let begun = Instant::now();
    let mut sent = 0;
    while begun.elapsed() < TIME && !done() {
        let report = |at| json!({"context": "load", "name": format!("step{}", sent + at), "type": "point"}).to_string();
        let body: Vec<String> = (0..REPORTS).map(report).collect();
        let answer = server.post_as("/api/events", "application/x-ndjson", body.join("\n").as_bytes());
        ensure!(answer.status == 200, "{answer:?}");
        sent += REPORTS;
    }
    Ok(sent as f64 / begun.elapsed().as_secs_f64())
}
