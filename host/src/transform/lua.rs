//! Functions in Lua: Luau in a sandbox. With its submodules the only place that names mlua.
//!
//! One state serves one thread. It is thrown away once it ran out of time or memory, and after [`REPORTS`] reports, so
//! that no script can spoil it for good.

mod clock;
mod compiled;
mod helpers;
mod json;
mod output;
#[cfg(test)]
mod reach;
mod receive;
mod report;
mod running;
mod sandbox;
mod seal;
mod source;
mod stack;

use std::sync::{Arc, OnceLock};

use upto_wire::Report;

use super::compile::{CompileError, Surroundings};
use super::log::Log;
use super::tables::Tables;
use super::{EntryPoints, Failure, FailureCause, Function, Outcome, Program, Rejection, Request, Secrets, cpu};
use compiled::Compiled;
use sandbox::State;

/// Reports that one state serves before it is made anew.
const REPORTS: u32 = 1_000_000;

/// A script, checked.
#[derive(Debug, Clone)]
pub struct LuaProgram(Arc<Script>);

#[derive(Debug)]
struct Script {
    name: String,
    /// With [`source::HEAD`].
    source: String,
    tables: Arc<Tables>,
    secrets: Arc<Secrets>,
    log: Arc<Log>,
    /// See [`Surroundings::memory`].
    memory: bool,
    compiled: Compiled,
    /// Known once its top level has run, which it does before it is used.
    entry_points: OnceLock<EntryPoints>,
}

impl LuaProgram {
    /// Takes a script. Its syntax is checked where it is instantiated.
    ///
    /// # Errors
    /// A [`CompileError`] where it is not plain text.
    pub fn compile(name: &str, source: &[u8], surroundings: Surroundings) -> Result<Self, CompileError> {
        let refuse = |reason: &str| Err(CompileError(format!("{name}.lua: {reason}")));
        if source.first() == Some(&0x1b) || source.contains(&0) {
            return refuse("it holds bytecode or binary data; a script is text");
        }
        match std::str::from_utf8(source) {
            Ok(source) => {
                let operators = source::operators(source);
                if operators > source::OPERATORS {
                    return refuse(&format!(
                        "it has {operators} operators and loops; at most {} are allowed: put values into a lookup table",
                        source::OPERATORS
                    ));
                }
                let Surroundings { tables, secrets, log, memory, .. } = surroundings;
                let (name, source) = (name.to_owned(), format!("{}{source}", source::HEAD));
                let (compiled, entry_points) = (Compiled::new(), OnceLock::new());
                Ok(LuaProgram(Arc::new(Script { name, source, tables, secrets, log, memory, compiled, entry_points })))
            }
            Err(error) => {
                let line = source[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
                refuse(&format!("line {line} is not UTF-8"))
            }
        }
    }
}

impl Program for LuaProgram {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn entry_points(&self) -> EntryPoints {
        self.0.entry_points.get().copied().unwrap_or_default()
    }

    fn instantiate(&self) -> Result<Box<dyn Function>, Failure> {
        let state = State::new(&self.0)?;
        self.0.entry_points.get_or_init(|| state.entry_points());
        Ok(Box::new(LuaFunction { script: self.0.clone(), state: Some(state), served: 0 }))
    }
}

struct LuaFunction {
    script: Arc<Script>,
    state: Option<State>,
    served: u32,
}

impl LuaFunction {
    /// The state, made anew where the last one is gone or has served its time.
    fn state(&mut self) -> Result<&mut State, Failure> {
        if self.served >= REPORTS {
            self.state = None;
        }
        match &mut self.state {
            Some(state) => Ok(state),
            slot => {
                self.served = 0;
                Ok(slot.insert(State::new(&self.script)?))
            }
        }
    }
}

impl Function for LuaFunction {
    fn transform(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>) {
        let (budget, before) = (cpu::CallBudget::start(), outcomes.len());
        while let Some(left) = reports.get(outcomes.len() - before..).filter(|left| !left.is_empty()) {
            if !budget.left(cpu::passed()) {
                outcomes.resize(before + reports.len(), Outcome::Fail(budget.exceeded()));
                break;
            }
            let sound = match self.state() {
                Ok(state) => state.run(left, outcomes, budget),
                Err(failure) => {
                    outcomes.push(Outcome::Fail(failure));
                    continue;
                }
            };
            self.served += left.len() as u32;
            if !sound {
                self.state = None;
            }
        }
        if let Some(last) = outcomes.last_mut().filter(|_| budget.is_over()) {
            // No interrupt came in time to tell.
            *last = Outcome::Fail(budget.exceeded());
        }
    }

    fn receive(&mut self, request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        let made = self.state()?.receive(request);
        self.served += 1;
        if let Err(Rejection::Failed(Failure { cause: FailureCause::Time | FailureCause::Memory, .. })) = &made {
            self.state = None;
        }
        made
    }

    fn memory(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.lua.used_memory())
    }
}
