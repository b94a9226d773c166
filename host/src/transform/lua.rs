//! Functions in Lua: Luau in a sandbox. With its submodules the only place that names mlua.
//!
//! One state serves one thread. It is thrown away once it ran out of time or memory, and after [`REPORTS`] reports, so
//! that no script can spoil it for good.

mod clock;
mod output;
#[cfg(test)]
mod reach;
mod report;
mod sandbox;
mod source;

use std::sync::Arc;

use upto_wire::Report;

use super::compile::CompileError;
use super::log::Log;
use super::tables::Tables;
use super::{Failure, FailureCause, Function, Outcome, Program, cpu};
use sandbox::State;

/// Reports that one state serves before it is made anew.
const REPORTS: u32 = 1_000_000;

/// A script, checked.
#[derive(Debug, Clone)]
pub struct LuaProgram(Arc<Script>);

#[derive(Debug)]
struct Script {
    name: String,
    source: String,
    tables: Arc<Tables>,
    log: Arc<Log>,
}

impl LuaProgram {
    /// Takes a script. Its syntax is checked where it is instantiated.
    ///
    /// # Errors
    /// A [`CompileError`] where it is not plain text.
    pub fn compile(name: &str, source: &[u8], tables: Arc<Tables>) -> Result<Self, CompileError> {
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
                let (name, source, log) = (name.to_owned(), source.to_owned(), Arc::new(Log::new(name)));
                Ok(LuaProgram(Arc::new(Script { name, source, tables, log })))
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

    fn instantiate(&self) -> Result<Box<dyn Function>, Failure> {
        let state = State::new(&self.0)?;
        Ok(Box::new(LuaFunction { script: self.0.clone(), state: Some(state), served: 0 }))
    }
}

struct LuaFunction {
    script: Arc<Script>,
    state: Option<State>,
    served: u32,
}

impl LuaFunction {
    fn one(&mut self, report: &Report<'_>) -> Outcome {
        if self.served >= REPORTS {
            self.state = None;
        }
        let state = match &mut self.state {
            Some(state) => state,
            slot => match State::new(&self.script) {
                Ok(state) => {
                    self.served = 0;
                    slot.insert(state)
                }
                Err(failure) => return Outcome::Fail(failure),
            },
        };
        self.served += 1;
        let outcome = state.call(report);
        if let Outcome::Fail(Failure { cause: FailureCause::Time | FailureCause::Memory, .. }) = outcome {
            self.state = None;
        }
        outcome
    }
}

impl Function for LuaFunction {
    fn transform(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>) {
        let budget = cpu::CallBudget::start();
        for report in reports {
            outcomes.push(match budget.left() {
                true => self.one(report),
                false => Outcome::Fail(budget.exceeded()),
            });
        }
        if let Some(last) = outcomes.last_mut().filter(|_| budget.is_over()) {
            // No interrupt came in time to tell.
            *last = Outcome::Fail(budget.exceeded());
        }
    }
}
