//! The newest reports as they were received, for trying functions on what is real.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use upto_wire::Report;

/// Reports that are kept.
pub const KEPT: usize = 256;
/// Reports that are taken in a second: the copies must cost nothing beside the work on the reports.
const PER_SECOND: usize = 256;

/// The newest reports of this instance; a sample of them while more come than it takes.
#[derive(Debug, Default)]
pub struct Recent(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    reports: VecDeque<Report<'static>>,
    second: Option<Instant>,
    taken: usize,
}

impl Recent {
    /// Offers reports before any function has seen them.
    pub fn offer(&self, reports: &[Report<'_>]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.second.is_none_or(|begun| begun.elapsed() >= Duration::from_secs(1)) {
            (state.second, state.taken) = (Some(Instant::now()), 0);
        }
        let some = reports.len().min(PER_SECOND - state.taken);
        state.taken += some;
        for report in &reports[..some] {
            if state.reports.len() == KEPT {
                state.reports.pop_front();
            }
            state.reports.push_back(report.clone().into_owned());
        }
    }

    /// Those that are kept, oldest first.
    pub fn all(&self) -> Vec<Report<'static>> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.reports.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use upto_wire::Kind;

    #[test]
    fn the_newest_are_kept_and_no_more_than_can_be_copied() {
        let recent = Recent::default();
        let names: Vec<String> = (0..1_000).map(|i| i.to_string()).collect();
        let reports: Vec<_> = names.iter().map(|name| Report::new(Kind::Start, "c", name.as_str())).collect();
        recent.offer(&reports[..10]);
        assert_eq!(recent.all().iter().map(|report| &*report.name).collect::<Vec<_>>(), names[..10]);
        recent.offer(&reports[10..]);
        let last = recent.all();
        assert_eq!((last.len(), &*last[0].name, &*last[KEPT - 1].name), (KEPT, "0", "255"));
    }
}
