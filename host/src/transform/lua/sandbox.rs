//! A Lua state that holds one script and nothing that could reach beyond it, and its clock.

use std::sync::Arc;

use mlua::chunk::Compiler;
use mlua::{Error, Lua, LuaOptions, LuaString, StdLib, Table, Value};
use upto_wire::Report;

use super::clock::Clock;
use super::compiled::Compiled;
use super::report::FIELDS;
use super::running::{self, Shared};
use super::{Script, helpers};
use crate::transform::cpu::CallBudget;
use crate::transform::log::{LINE_BYTES, Level};
use crate::transform::{EntryPoints, Failure, FailureCause, Outcome, budget};

/// Functions that may read a whole text and are called like any other, with an interrupt, and not as one instruction.
const DEAR_BUILTINS: [&str; 2] = ["tonumber", "string.sub"];

/// A state with its script loaded.
pub(super) struct State {
    loaded: Loaded,
    /// Holds the state alive; what is loaded refers to it.
    pub(super) lua: Lua,
    /// Outlives the state, which refers to it.
    pub(super) running: Shared,
}

/// What a script defines, and what it is called with.
struct Loaded {
    /// The native function that calls the script for a batch.
    drive: mlua::Function,
    transform: Option<mlua::Function>,
    receive: Option<mlua::Function>,
    report: Value,
    /// What is set back before each report, see `seal`. Empty where the script has a memory.
    locals: Table,
    set_back: mlua::Function,
}

impl State {
    /// Makes a sandbox and runs the script's top level in it.
    pub(super) fn new(script: &Arc<Script>) -> Result<State, Failure> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::UTF8 | StdLib::BIT;
        let mut running = Shared::new(script.tables.clone());
        let lua = Lua::new_with(libraries, LuaOptions::new()).map_err(|error| failure(&error, running.clock()))?;
        match load(&lua, &mut running, script) {
            Ok(loaded) => Ok(State { loaded, lua, running }),
            Err(error) => Err(failure(&error, running.clock())),
        }
    }

    /// Pushes what the script makes of each report, for as long as there is time and the state is sound. Says whether
    /// it still is: one that is not must be thrown away.
    pub(super) fn run(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>, budget: CallBudget) -> bool {
        let Loaded { drive, transform, report, locals, .. } = &self.loaded;
        self.running.serve(reports, outcomes, budget, |running| {
            drive.call((transform.as_ref(), report, locals)).map_err(|error| failure(&error, running.clock()))
        })
    }

    /// What the script defines.
    pub(super) fn entry_points(&self) -> EntryPoints {
        EntryPoints { transform: self.loaded.transform.is_some(), receive: self.loaded.receive.is_some() }
    }

    /// The script's function for requests, with its locals as they were.
    pub(super) fn receiver(&self) -> mlua::Result<Option<&mlua::Function>> {
        self.loaded.set_back.call::<()>(&self.loaded.locals)?;
        Ok(self.loaded.receive.as_ref())
    }

    /// Runs code of a test in the sandbox, with the globals and a report as its arguments.
    #[cfg(test)]
    pub(super) fn eval(&mut self, code: &str, report: &Report<'_>) -> mlua::Result<Table> {
        let arguments = (self.lua.globals(), &self.loaded.report);
        self.running.show(report, || self.lua.load(code).set_name("=test").call(arguments))
    }
}

/// Makes a state a sandbox and runs the script's top level in it.
fn load(lua: &Lua, running: &mut Shared, script: &Arc<Script>) -> mlua::Result<Loaded> {
    running.attach(lua)?;
    let natives = running::natives(lua)?;
    let report = sandbox(lua, script, &natives)?;
    lua.set_memory_limit(budget::MEMORY)?;
    running.limit_time(lua, budget::CALL_TIME)?;
    let name = format!("={}.lua", script.name);
    let compiler = || Compiler::new().set_optimization_level(1).set_disabled_builtins(DEAR_BUILTINS);
    script.compiled.load(lua, &name, &script.source, compiler).exec()?;
    // From here on a write to a global is an error.
    let globals = lua.globals();
    globals.set_readonly(true);
    let locals = match script.memory {
        true => lua.create_table()?,
        false => natives.raw_get::<mlua::Function>("seal")?.call(&globals)?,
    };
    let defined = |name: &str| globals.raw_get::<Value>(name).ok().and_then(|value| value.as_function().cloned());
    match (defined("transform"), defined("receive")) {
        // A top level that caught the error of its time-out has had its time all the same.
        _ if running.clock().expired() => Err(Error::runtime("out of time")),
        (None, None) => {
            let message = "it defines neither a function \"transform\" nor \"receive\"";
            Err(Error::runtime(format!("{}.lua: {message}", script.name)))
        }
        (transform, receive) => {
            let (drive, set_back) = (natives.raw_get("drive")?, natives.raw_get("set_back")?);
            Ok(Loaded { drive, transform, receive, report, locals, set_back })
        }
    }
}

/// Takes from a state what functions may not have, gives it what is theirs, and returns the report.
fn sandbox(lua: &Lua, script: &Arc<Script>, natives: &Table) -> mlua::Result<Value> {
    let log = script.log.clone();
    natives.raw_set(
        "log",
        lua.create_function(move |_, (level, text): (LuaString, LuaString)| {
            let Some(level) = Level::of(&level.to_string_lossy()) else {
                return Ok(Some("the level of upto.log is debug, info, warn or error"));
            };
            let text = text.as_bytes();
            log.line(level, &String::from_utf8_lossy(&text[..text.len().min(2 * LINE_BYTES)]));
            Ok(None)
        })?,
    )?;
    static PRELUDE: Compiled = Compiled::new();
    let prelude = PRELUDE.load(lua, "=upto", include_str!("prelude.luau"), Compiler::new);
    let metatable: Table = prelude.call((lua.globals(), natives, FIELDS))?;
    let upto = lua.globals().raw_get::<Table>("upto")?;
    helpers::add(lua, &upto, script)?;
    upto.set_readonly(true);
    lua.sandbox(true)?;
    running::report(lua, metatable)
}

/// The error within the notes on where it came through.
pub(super) fn root(error: &Error) -> &Error {
    let mut root = error;
    while let Error::CallbackError { cause, .. } | Error::WithContext { cause, .. } = root {
        root = cause;
    }
    root
}

/// Sorts an error and finds its words.
pub(super) fn failure(error: &Error, clock: &Clock) -> Failure {
    let (cause, mut message) = match root(error) {
        _ if clock.expired() => return clock.late(),
        Error::MemoryError(_) => {
            (FailureCause::Memory, format!("it needs more than {} MiB of memory", budget::MEMORY >> 20))
        }
        Error::RuntimeError(message) | Error::SyntaxError { message, .. } => (FailureCause::Error, message.clone()),
        other => (FailureCause::Error, other.to_string()),
    };
    if let Some(trace) = message.find("\nstack traceback:") {
        let trace = message.split_off(trace);
        message = at_caller(message, &trace);
    }
    if message.ends_with("attempt to modify a readonly table") {
        message += "; a function keeps something in a local of its file, and only with the setting \"memory\"";
    }
    Failure::new(cause, message)
}

/// Puts the script's line where an error names one of the prelude, which its author never saw.
fn at_caller(message: String, trace: &str) -> String {
    let Some((_, reason)) = message.strip_prefix("upto:").and_then(|rest| rest.split_once(": ")) else {
        return message;
    };
    let places = trace.lines().filter_map(|line| Some(line.trim().split_once(": in ")?.0));
    match places.into_iter().find(|place| *place != "[C]" && !place.starts_with("upto:")) {
        Some(place) => format!("{place}: {reason}"),
        None => message,
    }
}
