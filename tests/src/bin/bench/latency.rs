//! How long requests with one report each take, sent at a steady rate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use upto_tests::server::agent;

use super::load::Load;

/// Requests that are under way at the same time at the most.
const SENDERS: usize = 64;

/// How long requests took, in order of that.
pub struct Times(Vec<Duration>);

impl Times {
    /// How many requests there were.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time in ms within which this share of the requests was answered.
    pub fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
    }
}

/// Sends requests for so long. A request that waits for those before it counts as late, as its time is from when it was due.
/// Their steps are counted from `first_step`.
pub fn measure(url: &str, first_step: usize, per_second: u32, time: Duration) -> Result<Times> {
    let count = per_second as usize * time.as_secs() as usize;
    let reports: Vec<_> = Load { contexts: 10, first_step }.reports(count).collect();
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let sender = || -> Result<Vec<Duration>> {
        let (agent, mut times) = (agent(), Vec::new());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(report) = reports.get(at) else { return Ok(times) };
            let due = begun + Duration::from_secs_f64(at as f64 / f64::from(per_second));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let body = serde_json::to_vec(report)?;
            let answer = agent.post(url).header("content-type", "application/json").send(&body[..])?;
            ensure!(answer.status() == 200, "answered with {}", answer.status());
            answer.into_body().read_to_vec()?;
            times.push(due.elapsed());
        }
    };
    let mut times = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(sender)).collect();
        let mut times = Vec::new();
        for sender in senders {
            times.extend(sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))??);
        }
        Ok::<_, anyhow::Error>(times)
    })?;
    times.sort();
    Ok(Times(times))
}
