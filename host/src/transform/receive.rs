//! Foreign requests and datagrams, of which the `receive` of a function makes reports.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use upto_wire::{Report, Time};

use super::cpu::CallBudget;
use super::{Failure, FailureCause, Function, LiveSet, Version, budget};

/// Datagrams in a row that may run out of time before the function rests for [`REST`], as in the chain.
const STRIKES: u32 = 5;
/// How long a function rests, or waits to be made anew.
const REST: Duration = Duration::from_secs(5);

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
    strikes: u32,
    rests_until: Option<Instant>,
}

impl Receiver {
    /// The live function of this name, or `None` where there is none that receives.
    pub fn find(live: &LiveSet, name: &str) -> Option<Receiver> {
        let versions = live.iter().map(|live| &live.version);
        let mut named = versions.filter(|version| version.function() == name);
        let version = named.find(|version| version.program.entry_points().receive)?.clone();
        Some(Receiver { version, function: None, strikes: 0, rests_until: None })
    }

    /// The reports that a request tells of. It takes up to [`Request::time`], and is to be called on a thread that may
    /// block. A function that runs out of time again and again rests for a while, in which all fails.
    ///
    /// # Errors
    /// A [`Rejection`] where none came of it.
    pub fn receive(&mut self, request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        let start = Instant::now();
        self.rests_until.take_if(|until| *until <= start);
        let result = match self.rests_until {
            None => self.call(request, start),
            Some(_) => Err(rests().into()),
        };
        self.version.stats.count_request(&result, start.elapsed());
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
            let made = match call.left(Instant::now()) {
                true => self.receive(&request),
                false => {
                    let late = Err(call.exceeded().into());
                    self.version.stats.count_request(&late, Duration::ZERO);
                    late
                }
            };
            each(&request, made);
        }
    }

    fn call(&mut self, request: &Request<'_>, start: Instant) -> Result<Vec<Report<'static>>, Rejection> {
        let function = match &mut self.function {
            Some(function) => function,
            slot => match self.version.program.instantiate() {
                Ok(function) => slot.insert(function),
                Err(failure) => {
                    self.rests_until = Some(start + REST);
                    return Err(failure.into());
                }
            },
        };
        let result = function.receive(request);
        let late = matches!(&result, Err(Rejection::Failed(failure)) if failure.cause == FailureCause::Time);
        self.strikes = if late { self.strikes + 1 } else { 0 };
        if self.strikes >= STRIKES {
            self.strikes = 0;
            self.rests_until = Some(Instant::now() + REST);
            tracing::warn!(function = self.version.label(), rest_s = REST.as_secs(), "runs out of time; it rests");
        }
        result
    }
}

fn rests() -> Failure {
    Failure { cause: FailureCause::Time, message: "it rests, as it ran out of time again and again".to_owned() }
}
