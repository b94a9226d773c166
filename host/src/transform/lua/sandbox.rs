//! A Lua state that holds one script and nothing that could reach beyond it, and its clock.

use std::sync::Arc;

use mlua::chunk::{ChunkMode, Compiler};
use mlua::{Error, Lua, LuaOptions, LuaString, StdLib, Table, Value};
use upto_wire::Report;

use super::clock::Clock;
use super::report::View;
use super::{Script, helpers, output, source};
use crate::transform::log::Level;
use crate::transform::{EntryPoints, Failure, FailureCause, Outcome, budget};

/// Bytes of an error message that are kept.
const MESSAGE: usize = 500;

/// The globals that functions keep, by library.
const KEEP: [(&str, &str); 6] = [
    (
        "",
        "assert error ipairs next pairs pcall select tonumber tostring type typeof rawequal rawget rawlen rawset \
         setmetatable getmetatable unpack string table math utf8 bit32",
    ),
    ("string", "byte char find format gmatch gsub len lower match rep reverse split sub upper"),
    ("table", "clear clone concat create find freeze insert isfrozen maxn pack remove sort unpack"),
    (
        "math",
        "abs acos asin atan atan2 ceil clamp cos cosh deg exp floor fmod frexp huge ldexp lerp log log10 max min modf pi \
         pow rad round sign sin sinh sqrt tan tanh",
    ),
    ("utf8", "char charpattern codepoint codes len offset"),
    (
        "bit32",
        "arshift band bnot bor btest bxor byteswap countlz countrz extract lrotate lshift replace rrotate rshift",
    ),
];

/// Functions that may read a whole text and are called like any other, with an interrupt, and not as one instruction.
const DEAR_BUILTINS: [&str; 2] = ["tonumber", "string.sub"];

/// A state with its script loaded.
pub(super) struct State {
    /// Holds the state alive; all else here refers to it.
    pub(super) lua: Lua,
    transform: Option<mlua::Function>,
    pub(super) receive: Option<mlua::Function>,
    view: View,
    pub(super) clock: Arc<Clock>,
}

impl State {
    /// Makes a sandbox and runs the script's top level in it.
    pub(super) fn new(script: &Arc<Script>) -> Result<State, Failure> {
        let clock = Arc::new(Clock::new());
        let fail = |error: Error| failure(&error, &clock);
        let lua = sandbox(script).map_err(fail)?;
        lua.set_memory_limit(budget::MEMORY).map_err(fail)?;
        let ticks = clock.clone();
        lua.set_interrupt(move |_| ticks.check());
        clock.start(budget::CALL_TIME);
        let name = format!("={}.lua", script.name);
        lua.load(format!("{}{}", source::HEAD, script.source))
            .set_name(name)
            .set_mode(ChunkMode::Text)
            .set_compiler(Compiler::new().set_optimization_level(1).set_disabled_builtins(DEAR_BUILTINS))
            .exec()
            .map_err(fail)?;
        // From here on a write to a global is an error: no report leaves anything for the next one.
        let globals = lua.globals();
        globals.set_readonly(true);
        let defined = |name: &str| globals.raw_get::<Value>(name).ok().and_then(|value| value.as_function().cloned());
        let (transform, receive) = (defined("transform"), defined("receive"));
        if transform.is_none() && receive.is_none() {
            let message = format!("{}.lua: it defines neither a function \"transform\" nor \"receive\"", script.name);
            return Err(Failure { cause: FailureCause::Error, message });
        }
        if clock.expired() {
            return Err(clock.late());
        }
        let view = View::new(&lua).map_err(fail)?;
        Ok(State { lua, transform, receive, view, clock })
    }

    /// What the script defines.
    pub(super) fn entry_points(&self) -> EntryPoints {
        EntryPoints { transform: self.transform.is_some(), receive: self.receive.is_some() }
    }

    /// Runs code of a test in the sandbox, with the globals and a report as its arguments.
    #[cfg(test)]
    pub(super) fn eval(&self, code: &str, report: &Report<'_>) -> mlua::Result<Table> {
        self.view.show(report, |view| self.lua.load(code).set_name("=test").call((self.lua.globals(), view.handle())))
    }

    /// What the script makes of one report.
    pub(super) fn call(&mut self, report: &Report<'_>) -> Outcome {
        self.clock.start(budget::REPORT_TIME);
        let outcome = self.view.show(report, |view| {
            let Some(transform) = &self.transform else {
                return Err(Error::runtime("it defines no function \"transform\""));
            };
            let value: Value = transform.call(view.handle())?;
            output::outcome(value, view)
        });
        if self.clock.expired() {
            return Outcome::Fail(self.clock.late());
        }
        outcome.unwrap_or_else(|error| Outcome::Fail(failure(&error, &self.clock)))
    }
}

fn sandbox(script: &Arc<Script>) -> mlua::Result<Lua> {
    let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::UTF8 | StdLib::BIT;
    let lua = Lua::new_with(libraries, LuaOptions::new())?;
    // The interpreter is as quick for such short scripts, and generates no machine code from what strangers wrote.
    lua.enable_jit(false);
    let keep = lua.create_table()?;
    for (library, names) in KEEP {
        let set = lua.create_table_from(names.split_whitespace().map(|name| (name, true)))?;
        keep.raw_set(library, set)?;
    }
    let natives = natives(&lua, script)?;
    let prelude = lua.load(include_str!("prelude.luau")).set_name("=upto").set_mode(ChunkMode::Text);
    prelude.call::<()>((lua.globals(), keep, natives))?;
    let upto = lua.globals().raw_get::<Table>("upto")?;
    helpers::add(&lua, &upto, script)?;
    upto.set_readonly(true);
    lua.sandbox(true)?;
    Ok(lua)
}

/// What `upto.lookup` and `upto.log` call: a second result is what they raise, with the line of their caller.
fn natives(lua: &Lua, script: &Arc<Script>) -> mlua::Result<Table> {
    let natives = lua.create_table()?;
    let tables = script.tables.clone();
    natives.raw_set(
        "lookup",
        lua.create_function(move |lua, (table, key): (LuaString, LuaString)| {
            match tables.get(&table.to_string_lossy()) {
                Ok(table) => match std::str::from_utf8(&key.as_bytes()).ok().and_then(|key| table.get(key)) {
                    Some(value) => Ok((Some(lua.create_string(value)?), None)),
                    None => Ok((None, None)),
                },
                Err(problem) => Ok((None, Some(problem))),
            }
        })?,
    )?;
    let log = script.log.clone();
    natives.raw_set(
        "log",
        lua.create_function(move |_, (level, text): (LuaString, LuaString)| {
            let Some(level) = Level::of(&level.to_string_lossy()) else {
                return Ok(Some("the level of upto.log is debug, info, warn or error"));
            };
            log.line(level, &text.to_string_lossy());
            Ok(None)
        })?,
    )?;
    Ok(natives)
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
        Error::ExternalError(external) if external.is::<output::BadOutput>() => {
            (FailureCause::Output, external.to_string())
        }
        Error::RuntimeError(message) | Error::SyntaxError { message, .. } => (FailureCause::Error, message.clone()),
        other => (FailureCause::Error, other.to_string()),
    };
    if let Some(trace) = message.find("\nstack traceback:") {
        let trace = message.split_off(trace);
        message = at_caller(message, &trace);
    }
    message.truncate(message.floor_char_boundary(MESSAGE));
    Failure { cause, message }
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
