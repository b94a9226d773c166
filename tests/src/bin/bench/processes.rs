//! What the binaries cost when they do nothing much: the client's start and size, the idle server's memory.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use upto_tests::server::{Server, bin_dir, command};

/// Starts of the client that are timed.
const STARTS: usize = 500;

/// Measures and prints.
pub fn report() -> Result<()> {
    let client = std::fs::metadata(bin_dir().join("upto-client"))?.len();
    let starts = client_starts()?;
    let nothing = times(STARTS, || std::process::Command::new("/bin/true").status().map(drop))?;
    println!("## Processes\n");
    println!("| what | limit | measured |");
    println!("| --- | --- | --- |");
    println!("| size of upto-client | 2.00 MB | {:.2} MB |", client as f64 / 1e6);
    println!("| upto-client start, median of {STARTS} | 3.00 ms | {} |", ms(starts[STARTS / 2]));
    println!("| upto-client start, 95th percentile | | {} |", ms(starts[STARTS * 95 / 100]));
    println!("| /bin/true, median | | {} |", ms(nothing[STARTS / 2]));
    println!("| upto serve, idle | 40 MiB | {:.1} MiB |\n", idle_kib() as f64 / 1024.0);
    Ok(())
}

fn client_starts() -> Result<Vec<Duration>> {
    let server = UdpSocket::bind("127.0.0.1:0")?;
    let url = format!("udp://{}", server.local_addr()?);
    times(STARTS, || {
        let status = command("upto-client").env("UPTO_URL", &url).args(["start", "bench", "step"]).status()?;
        assert!(status.success(), "the client always succeeds");
        Ok(())
    })
}

fn idle_kib() -> u64 {
    let server = Server::start();
    server.get("/api");
    server.resident_kib()
}

/// Sorted times of an action.
fn times(count: usize, action: impl Fn() -> std::io::Result<()>) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        action()?;
        times.push(begun.elapsed());
    }
    times.sort();
    ensure!(!times.is_empty(), "nothing was timed");
    Ok(times)
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
