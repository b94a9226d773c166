//! Tests of the functions as the pipeline uses them.

mod chain;
mod hostile;
mod loader;
mod lua;
mod lua_limits;
mod memory;
mod receive;
mod wasm;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use upto_wire::{Kind, Report, Time};

use super::compile::{self, CompileError, Surroundings, compile};
use super::live::{Around, FOLDER, in_order};
use super::log::Log;
use super::tables::{Layer, Table, Tables};
use super::{Chain, Changes, Counts, Function, Live, LiveSet, Outcome, Program, Secrets, Settings, Stats, Version};

fn report(name: &str) -> Report<'_> {
    let mut report = Report::new(Kind::End, "deploy", name);
    report.host = "ip-10-0-3-17".into();
    report.time = Some(Time::from_micros(1_700_000_000_123_456));
    report.labels.set("branch", "main");
    report
}

fn tables() -> Arc<Tables> {
    let tables = Tables::default();
    tables.set(Layer::Folder, "hosts", Arc::new(Table::from_iter([("ip-10-0-3-17", "web-1")])));
    Arc::new(tables)
}

fn program(file: &str, bytes: &[u8]) -> Result<Arc<dyn Program>, CompileError> {
    program_with(file, bytes, false)
}

fn program_with(file: &str, bytes: &[u8], memory: bool) -> Result<Arc<dyn Program>, CompileError> {
    let (name, language) = (compile::name(Path::new(file))?, compile::language(Path::new(file)));
    let secrets = Secrets::new([("github".to_owned(), "swordfish".to_owned())].into());
    let log = Arc::new(Log::new(name, FOLDER, Arc::default()));
    compile(
        name,
        language.expect("an ending of a function"),
        bytes,
        Surroundings { tables: tables(), secrets: Arc::new(secrets), log, memory, large_components: true },
    )
}

/// The programs, live under the settings that their names give them.
fn live(programs: &[Arc<dyn Program>], stats: &Stats) -> LiveSet {
    let version = |program: &Arc<dyn Program>| {
        Live::from(Version::new(FOLDER, program.clone(), Settings::of(program.name()), stats))
    };
    in_order(programs.iter().map(version).collect()).0
}

fn lua_program(source: &str) -> Arc<dyn Program> {
    program("test.lua", source.as_bytes()).unwrap()
}

fn function(program: &Arc<dyn Program>) -> Box<dyn Function> {
    program.instantiate().unwrap()
}

/// What a function makes of one report.
fn outcome(function: &mut dyn Function, report: &Report<'_>) -> Outcome {
    let mut outcomes = Vec::new();
    function.transform(std::slice::from_ref(report), &mut outcomes);
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

/// The report that an outcome makes of another.
fn changed(outcome: Outcome, report: &Report<'_>) -> Report<'static> {
    match outcome {
        Outcome::Change(changes) => changes.apply(report.clone()).into_owned(),
        other => panic!("{other:?}"),
    }
}

/// As [`outcome`], and checks that it took no longer than one call may, with room for a busy machine.
fn bounded_outcome(function: &mut dyn Function, report: &Report<'_>) -> Outcome {
    let start = Instant::now();
    let outcome = outcome(function, report);
    assert!(start.elapsed() < LIMIT, "took {:?}", start.elapsed());
    outcome
}

/// 100 ms are the limit; debug builds on a shared machine may be late in noticing.
pub(super) const LIMIT: Duration =
    if cfg!(debug_assertions) { Duration::from_millis(400) } else { Duration::from_millis(100) };
