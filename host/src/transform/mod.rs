//! User functions: scripts and plugins that see each report in flight and keep, change, drop or multiply it, or make
//! reports of requests and datagrams in foreign formats.
//!
//! A [`Program`] is compiled code that any thread may share; [`Program::instantiate`] makes a [`Function`], which one
//! thread runs. A [`Version`] is a program with its settings and counts, and a [`Chain`] runs the versions that are
//! live. Functions are untrusted: they see reports and a budget and nothing else.

pub mod breaker;
pub mod canary;
pub mod chain;
pub mod changes;
pub mod compile;
mod cpu;
mod histogram;
pub mod live;
pub mod loader;
pub mod log;
mod lua;
pub mod receive;
pub mod recent;
mod runner;
pub mod secrets;
pub mod settings;
pub mod stats;
pub mod tables;
pub mod tap;
mod wasm;

#[cfg(test)]
mod tests;

pub use chain::{Applied, Chain, Counts, Dead};
pub use changes::Changes;
pub use live::{Live, LiveSet, Version};
pub use loader::Loader;
pub use receive::{Receiver, Rejection, Request};
pub use secrets::Secrets;
pub use settings::{OnError, Settings};
pub use stats::{Snapshot, Stats};

use upto_wire::Report;

/// What a function made of one report.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Unchanged.
    Keep,
    /// Not wanted.
    Drop,
    /// Changed.
    Change(Box<Changes>),
    /// Several for one, each checked; at most [`budget::OUTPUT_REPORTS`].
    Expand(Vec<Report<'static>>),
    /// The function failed on this report; its settings say what becomes of it.
    Fail(Failure),
}

impl Outcome {
    /// The reports that it leaves of the one that the function was given. One on which it failed stays as it is.
    pub fn made<'a>(self, given: Report<'a>) -> Vec<Report<'a>> {
        match self {
            Outcome::Keep | Outcome::Fail(_) => vec![given],
            Outcome::Drop => Vec::new(),
            Outcome::Change(changes) => vec![changes.apply(given)],
            Outcome::Expand(several) => several,
        }
    }

    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Keep => "kept",
            Outcome::Drop => "dropped",
            Outcome::Change(_) => "changed",
            Outcome::Expand(_) => "expanded",
            Outcome::Fail(_) => "failed",
        }
    }
}

/// Why a function failed on a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind of failure: the label of its counter.
    pub cause: FailureCause,
    /// What happened, with the line for Lua.
    pub message: String,
}

/// Bytes of a failure's message that are kept.
const MESSAGE: usize = 500;

impl Failure {
    /// A failure. Its message may hold what a function or a sender wrote: it is cut, and made harmless for whatever keeps or
    /// shows it.
    pub fn new(cause: FailureCause, message: impl AsRef<str>) -> Self {
        Failure { cause, message: log::harmless(message.as_ref(), MESSAGE) }
    }
}

/// The kinds of failure that are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// It raised an error, trapped or said `fail`.
    Error,
    /// It ran over its time.
    Time,
    /// It ran over its memory.
    Memory,
    /// What it returned is no report, or too much.
    Output,
}

/// Which functions a program defines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EntryPoints {
    /// It sees reports in flight.
    pub transform: bool,
    /// It makes reports of requests and datagrams.
    pub receive: bool,
}

impl EntryPoints {
    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [("transform", self.transform), ("receive", self.receive)]
            .into_iter()
            .filter(|(_, is)| *is)
            .map(|(name, _)| name)
    }
}

/// The languages of functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Luau, as source.
    Lua,
    /// A component.
    Wasm,
}

impl Language {
    /// The word for it, which is also the ending of its files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Language::Lua => "lua",
            Language::Wasm => "wasm",
        }
    }

    /// The language of that word.
    pub fn of(word: &str) -> Option<Language> {
        [Language::Lua, Language::Wasm].into_iter().find(|language| language.as_str() == word)
    }
}

/// Compiled code, shared between threads.
pub trait Program: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;

    /// What it defines. At least one of them.
    fn entry_points(&self) -> EntryPoints {
        EntryPoints { transform: true, receive: false }
    }

    /// Makes an instance for one thread.
    ///
    /// # Errors
    /// A [`Failure`] where its top level fails or goes over the budget.
    fn instantiate(&self) -> Result<Box<dyn Function>, Failure>;
}

/// An instance of a program, run by one thread.
pub trait Function: Send {
    /// Pushes exactly one outcome for each report, in order. Only to be called where [`EntryPoints::transform`] is true.
    fn transform(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>);

    /// The reports that a request tells of, each checked; at most [`budget::REQUEST_REPORTS`]. Only to be called where
    /// [`EntryPoints::receive`] is true.
    ///
    /// # Errors
    /// A [`Rejection`] where none came of it.
    fn receive(&mut self, _request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        Err(Rejection::Failed(Failure::new(FailureCause::Error, "it defines no function \"receive\"")))
    }

    /// Bytes of memory that the instance holds now.
    fn memory(&self) -> usize {
        0
    }
}

/// What one report may cost. One budget for all languages.
pub mod budget {
    use std::time::Duration;

    /// Processor time that a function has for one report; for a batch this times its reports, at most [`CALL_TIME`].
    pub const REPORT_TIME: Duration = Duration::from_millis(10);
    /// Processor time that one call may take, whatever it is given.
    pub const CALL_TIME: Duration = Duration::from_millis(100);
    /// Memory of one instance, in bytes.
    pub const MEMORY: usize = 16 << 20;
    /// Reports that a function may make of one.
    pub const OUTPUT_REPORTS: usize = 100;
    /// Size of a script's source, in bytes.
    pub const SOURCE: usize = 64 << 10;
    /// Size of a Wasm component, in bytes.
    pub const COMPONENT: usize = 10 << 20;
    /// The same where large ones are taken: one with all of CPython in it, and not much more.
    pub const LARGE_COMPONENT: usize = 20 << 20;
    /// Reports that one call is given at the most.
    pub const BATCH: usize = 256;
    /// Processor time that a function has for one request. A datagram has [`REPORT_TIME`], as others wait behind it.
    pub const REQUEST_TIME: Duration = Duration::from_millis(50);
    /// Reports that a function may make of one request or datagram.
    pub const REQUEST_REPORTS: usize = 1_000;
}
