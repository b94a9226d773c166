//! Foreign requests and datagrams, of which the `receive` of a function makes reports.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use upto_wire::{Report, Time};

use super::cpu::{self, CallBudget};
use super::{Failure, FailureCause, Function, LiveSet, Version, budget};
use crate::event::FunctionSet;

/// A request as functions see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The method in capitals; `UDP` for a datagram.
    pub method: Cow<'a, str>,
    /// What follows the function's name in the path, from its slash; `/` where nothing does.
    pub path: Cow<'a, str>,
    /// The parameters of the query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Names in lower case, each once. `source` is the sender's address, whatever the sender says.
    pub headers: Vec<(String, String)>,
    /// The body, or the datagram.
    pub body: Cow<'a, [u8]>,
    /// When it came.
    pub received: Time,
}

impl Request<'_> {
    /// The method of a datagram.
    pub const UDP: &'static str = "UDP";

    /// Processor time that a function has for it.
    pub fn time(&self) -> Duration {
        if self.method == Request::UDP { budget::REPORT_TIME } else { budget::REQUEST_TIME }
    }
}

/// Why no reports came of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The function refuses it, as where its signature is wrong.
    #[error("{status}: {message}")]
    Refused {
        /// The status of the answer: 400 to 499.
        status: u16,
        /// Why, in words for the sender.
        message: String,
    },
    /// The function failed.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The function was not asked, as it failed again and again.
    #[error("the function rests, as it failed again and again")]
    Resting,
}

impl Rejection {
    /// A refusal, as functions ask for it.
    ///
    /// # Errors
    /// A sentence for the author of the function where the status is none for a refusal.
    pub fn refused(status: f64, message: &str) -> Result<Self, String> {
        if !(400.0..500.0).contains(&status) || status.fract() != 0.0 {
            return Err(format!("a request is refused with a status from 400 to 499, not {status}"));
        }
        let message = message[..message.floor_char_boundary(MESSAGE)].to_owned();
        Ok(Rejection::Refused { status: status as u16, message })
    }
}

/// Bytes of a refusal's message that are kept.
const MESSAGE: usize = 500;

/// An instance of a function that receives, for one thread.
pub struct Receiver {
    version: Arc<Version>,
    function: Option<Box<dyn Function>>,
    made_by: FunctionSet,
}

impl Receiver {
    /// The live function of this name, or `None` where there is none that receives.
    pub fn find(live: &LiveSet, name: &str) -> Option<Receiver> {
        let versions = live.iter().map(|live| &live.version);
        let mut named = versions.filter(|version| version.function() == name);
        let version = named.find(|version| version.program.entry_points().receive)?.clone();
        let made_by = FunctionSet::from_text(&version.label());
        Some(Receiver { version, function: None, made_by })
    }

    /// The function, as events tell that it made their reports.
    pub fn made_by(&self) -> &FunctionSet {
        &self.made_by
    }

    /// Whether it keeps what it remembers from one request to the next.
    pub fn remembers(&self) -> bool {
        self.version.settings.memory
    }

    /// Whether both are of the same version.
    pub fn is_of_the_version_of(&self, other: &Receiver) -> bool {
        Arc::ptr_eq(&self.version, &other.version)
    }

    /// Whether it is of a version that is still live.
    pub fn is_live(&self, live: &LiveSet) -> bool {
        live.iter().any(|live| Arc::ptr_eq(&live.version, &self.version))
    }

    /// The reports that a request tells of. It takes up to [`Request::time`], and is to be called on a thread that may
    /// block. A function that fails again and again rests for a while, in which all fails.
    ///
    /// # Errors
    /// A [`Rejection`] where none came of it.
    pub fn receive(&mut self, request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        let result = match self.version.stats.receives.rests() {
            true => Err(Rejection::Resting),
            false => self.call(request),
        };
        self.version.stats.count_request(request, &result);
        result
    }

    /// As [`Receiver::receive`], for datagrams that came together. [`budget::BATCH`] of them have [`budget::CALL_TIME`], as in
    /// the chain; those that are left then fail.
    pub fn receive_all<'a>(
        &mut self,
        requests: impl Iterator<Item = Request<'a>>,
        mut each: impl FnMut(&Request<'a>, Result<Vec<Report<'static>>, Rejection>),
    ) {
        let mut call = CallBudget::start();
        for (at, request) in requests.enumerate() {
            if at > 0 && at.is_multiple_of(budget::BATCH) {
                call = CallBudget::start();
            }
            let made = match call.left(cpu::passed()) {
                true => self.receive(&request),
                false => {
                    let late = Err(call.exceeded().into());
                    self.version.stats.count_request(&request, &late);
                    late
                }
            };
            each(&request, made);
        }
    }

    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        let (begun, stats) = (Instant::now(), &self.version.stats);
        let breaker = &stats.receives;
        let function = match &mut self.function {
            Some(function) => function,
            slot => match self.version.program.instantiate() {
                Ok(function) => slot.insert(function),
                Err(failure) => {
                    breaker.rest(&self.version.label(), "can't be started");
                    return Err(failure.into());
                }
            },
        };
        let started = begun.elapsed();
        let result = function.receive(request);
        stats.took(started, begun.elapsed() - started, 1);
        stats.memory_peak.fetch_max(function.memory() as u64, Relaxed);
        let failed = matches!(&result, Err(Rejection::Failed(_)));
        let late = matches!(&result, Err(Rejection::Failed(failure)) if failure.cause == FailureCause::Time);
        breaker.judge(&self.version.label(), late, u32::from(failed), !failed);
        result
    }
}
