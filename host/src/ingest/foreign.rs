//! Foreign requests and datagrams: the reports that functions make of them, admitted and counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use upto_wire::{Report, Time};

use super::Datagrams;
use super::http::Body;
use super::lane::admit;
use crate::telemetry::Telemetry;
use crate::transform::{LiveSet, Receiver, Rejection, Request};

/// A socket whose function is not there is told of in the log this often.
const LOG_AGAIN: Duration = Duration::from_secs(60);

/// Admits and counts what a function made of a request, as that of a body is. A request of which no reports came counts
/// as one that was refused, or that a function dropped.
///
/// # Errors
/// The rejection that was given.
pub fn take(
    made: Result<Vec<Report<'static>>, Rejection>,
    source: IpAddr,
    received: Time,
    telemetry: &Telemetry,
) -> Result<Body, Rejection> {
    let made = made.inspect_err(|_| count_refused(telemetry))?;
    telemetry.received.add(made.len().max(1) as u64);
    if made.is_empty() {
        telemetry.function_drops.add(1);
    }
    let mut body = Body::default();
    for (index, report) in made.into_iter().enumerate() {
        match admit(report, source, received) {
            Ok(report) => body.reports.push(report),
            Err(error) => {
                telemetry.refused.count(&error);
                body.refused.push((index, error));
            }
        }
    }
    Ok(body)
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
    /// Lets go of all functions, as there are others now.
    pub fn clear(&mut self) {
        self.by_name.clear();
    }

    /// The reports of all datagrams of a chunk, in order.
    pub fn datagrams(
        &mut self,
        function: &Arc<str>,
        chunk: &Datagrams,
        live: &LiveSet,
        telemetry: &Telemetry,
    ) -> Vec<Report<'static>> {
        let find = || Receiver::find(live, function);
        let Some(receiver) = self.by_name.entry(function.clone()).or_insert_with(find) else {
            chunk.iter().for_each(|_| count_refused(telemetry));
            self.log_missing(function);
            return Vec::new();
        };
        let mut reports = Vec::with_capacity(chunk.len());
        for (datagram, source, received) in chunk.iter() {
            let request = Request {
                method: Request::UDP.into(),
                path: "/".into(),
                query: Vec::new(),
                headers: vec![("source".to_owned(), source.to_string())],
                body: datagram.into(),
                received,
            };
            // What it refuses is counted, and its failures are logged.
            if let Ok(made) = take(receiver.receive(&request), source, received, telemetry) {
                reports.extend(made.reports);
            }
        }
        reports
    }

    fn log_missing(&mut self, function: &str) {
        if self.logged.is_none_or(|at| at.elapsed() >= LOG_AGAIN) {
            self.logged = Some(Instant::now());
            tracing::warn!(function, "datagrams are refused: no function of this name has a \"receive\"");
        }
    }
}
