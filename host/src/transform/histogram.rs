//! Times, counted in steps of a quarter of their size or less.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Steps within a power of two.
const STEPS: u32 = 4;
/// Times under this many nanoseconds are one step.
const SMALLEST: u32 = 5;
/// Powers of two above it: up to half a minute.
const POWERS: u32 = 30;
const BUCKETS: usize = (STEPS * POWERS) as usize;

/// How often times of each size were seen.
#[derive(Debug)]
pub(super) struct Histogram([AtomicU64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Histogram([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Histogram {
    /// Counts a time `count` times.
    pub fn add(&self, time: Duration, count: u64) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1 << SMALLEST);
        let power = ns.ilog2();
        let step = (ns >> (power - 2)) as u32 % STEPS;
        let bucket = ((power - SMALLEST) * STEPS + step) as usize;
        self.0[bucket.min(BUCKETS - 1)].fetch_add(count, Relaxed);
    }

    /// The time under which this part of all times lies; zero where there are none.
    pub fn quantile(&self, part: f64) -> Duration {
        let counts: Vec<u64> = self.0.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let wanted = counts.iter().sum::<u64>() as f64 * part;
        let mut seen = 0;
        let bucket = counts.iter().position(|count| {
            seen += count;
            seen > 0 && seen as f64 >= wanted
        });
        bucket.map_or(Duration::ZERO, |bucket| {
            let (power, step) = (bucket as u32 / STEPS + SMALLEST, bucket as u64 % u64::from(STEPS));
            Duration::from_nanos((u64::from(STEPS) + step + 1) << (power - 2))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_a_quarter() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        for micros in 1..=1_000 {
            histogram.add(Duration::from_micros(micros), 1);
        }
        for part in [0.01, 0.5, 0.99] {
            let (found, wanted) = (histogram.quantile(part).as_secs_f64(), part * 1e-3);
            assert!((wanted..wanted * 1.27).contains(&found), "{part}: {found}");
        }
        histogram.add(Duration::from_secs(3_600), 100_000);
        assert!(histogram.quantile(0.5) > Duration::from_secs(20));
    }
}
