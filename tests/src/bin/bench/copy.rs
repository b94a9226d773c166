//! The yardstick: binary `COPY` of the rows that upto stored, into a table with the same columns and key.

use std::io::{Read, Write};
use std::time::Instant;

use anyhow::Result;
use postgres::Client;

/// Times that the rows are copied. One alone may differ from the next by a fifth.
const TIMES: usize = 3;

/// Copies all events out and into a new table, [`TIMES`] times, and says how many rows a second went in: the median.
pub fn rows_per_second(client: &mut Client) -> Result<f64> {
    let mut rows = Vec::new();
    client.copy_out("COPY upto.events TO STDOUT (FORMAT binary)")?.read_to_end(&mut rows)?;
    let mut rates = (0..TIMES).map(|_| copy(client, &rows)).collect::<Result<Vec<_>>>()?;
    rates.sort_by(f64::total_cmp);
    Ok(rates[TIMES / 2])
}

fn copy(client: &mut Client, rows: &[u8]) -> Result<f64> {
    client
        .batch_execute("DROP TABLE IF EXISTS bench_copy; CREATE TABLE bench_copy (LIKE upto.events INCLUDING ALL)")?;
    client.batch_execute("CHECKPOINT")?;
    let begun = Instant::now();
    let mut copy = client.copy_in("COPY bench_copy FROM STDIN (FORMAT binary)")?;
    copy.write_all(rows)?;
    let count = copy.finish()?;
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}
