//! Foreign requests and datagrams: the reports that functions make of them, counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use upto_wire::{Report, Time};

use super::Datagrams;
use crate::event::FunctionSet;
use crate::telemetry::Telemetry;
use crate::transform::{LiveSet, Receiver, Rejection, Request};

/// A socket whose function is not there is told of in the log this often.
const LOG_AGAIN: Duration = Duration::from_secs(60);
/// Reports of datagrams that are handed on together, give or take those of one datagram.
const TOGETHER: usize = 1_000;

/// Takes what a function made of a request, and counts it. A report without a time gets that of the receipt. A request
/// of which no reports came counts as one that was refused, or that a function dropped.
///
/// # Errors
/// The rejection that was given.
pub fn take(
    made: Result<Vec<Report<'static>>, Rejection>,
    received: Time,
    telemetry: &Telemetry,
) -> Result<Vec<Report<'static>>, Rejection> {
    let mut made = made.inspect_err(|_| count_refused(telemetry))?;
    telemetry.received.add(made.len().max(1) as u64);
    if made.is_empty() {
        telemetry.function_drops.add(1);
    }
    for report in &mut made {
        report.time.get_or_insert(received);
    }
    Ok(made)
}

fn count_refused(telemetry: &Telemetry) {
    telemetry.received.add(1);
    telemetry.refused.count_by_function();
}

/// The functions that sockets are bound to, as the lane runs them.
#[derive(Default)]
pub struct Receivers {
    by_name: HashMap<Arc<str>, Option<Receiver>>,
    logged: Option<Instant>,
}

impl Receivers {
    /// Lets go of the functions that are no longer these.
    pub fn update(&mut self, live: &LiveSet) {
        self.by_name.retain(|_, receiver| receiver.as_ref().is_some_and(|receiver| receiver.is_live(live)));
    }

    /// Hands on the reports of all datagrams of a chunk, in order, in lists of some [`TOGETHER`], and who made them.
    pub fn datagrams(
        &mut self,
        function: &Arc<str>,
        chunk: &Datagrams,
        live: &LiveSet,
        telemetry: &Telemetry,
        mut hand_on: impl FnMut(Vec<Report<'static>>, &FunctionSet),
    ) {
        let find = || Receiver::find(live, function);
        let Some(receiver) = self.by_name.entry(function.clone()).or_insert_with(find) else {
            chunk.iter().for_each(|_| count_refused(telemetry));
            return self.log_missing(function);
        };
        let requests = chunk.iter().map(|(datagram, source, received)| Request {
            method: Request::UDP.into(),
            path: "/".into(),
            query: Vec::new(),
            headers: vec![("source".to_owned(), source.to_string())],
            body: datagram.into(),
            received,
        });
        let (mut reports, made_by) = (Vec::new(), receiver.made_by().clone());
        receiver.receive_all(requests, |request, made| {
            // What is rejected is counted, and failures are logged.
            reports.extend(take(made, request.received, telemetry).unwrap_or_default());
            if reports.len() >= TOGETHER {
                hand_on(std::mem::take(&mut reports), &made_by);
            }
        });
        hand_on(reports, &made_by);
    }

    fn log_missing(&mut self, function: &str) {
        if self.logged.is_none_or(|at| at.elapsed() >= LOG_AGAIN) {
            self.logged = Some(Instant::now());
            tracing::warn!(function, "datagrams are refused: no function of this name has a \"receive\"");
        }
    }
}
