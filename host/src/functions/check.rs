//! Checking a function before it goes live: it is compiled and run in a process of its own, with less priority and less
//! memory than the server, so that nothing that it does there can hurt.
//!
//! The server writes a [`Trial`] to the process' stdin and reads a [`Verdict`] from its stdout. Both are this program.

mod process;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::cases::{self, CaseVerdict, Loaded};
use super::{diff, limits};
use crate::transform::live::{Around, FOLDER};
use crate::transform::log::Journal;
use crate::transform::tables::{Layer, Table, Tables};
use crate::transform::{Failure, Function, Language, Outcome, Settings, budget};

pub use process::{CheckError, Checker};

/// Processor time that a check may take.
const TIME: Duration = Duration::from_secs(10);
/// What else it may take.
const ALLOWANCE: Allowance = Allowance { time: TIME, memory: 512 << 20 };
/// The same for a component that is larger than [`budget::COMPONENT`]. It gives way to all others, and has much to do.
const LARGE_ALLOWANCE: Allowance = Allowance { time: Duration::from_secs(20), memory: 1 << 30 };
/// Reports that are tried at the most.
pub const REPORTS: usize = 256;
/// Bytes of the lookup tables that a function may ask for, all together.
const TABLES: usize = 32 << 20;
/// Bytes of a trial as it is handed over: code, cases, reports and tables.
const INPUT: u64 = 128 << 20;

/// What is to be checked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Trial {
    /// The function's name.
    pub name: String,
    /// `lua` or `wasm`.
    pub language: String,
    /// The code.
    #[serde(with = "base64")]
    pub code: Bytes,
    /// Cases, as a JSON list.
    pub cases: Option<Box<RawValue>>,
    /// The settings, as JSON.
    pub settings: String,
    /// Reports to be tried, as JSON.
    pub reports: Vec<Value>,
    /// Only so many of them, the last ones that concern the function: they came, and nobody chose them.
    pub last: Option<usize>,
    /// Whether it may be a large component, see [`Around::large_components`].
    pub large_components: bool,
    /// The lookup tables that it may ask for, by name.
    #[serde(with = "shared")]
    pub tables: BTreeMap<String, Arc<Table>>,
}

/// What a check may take.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    /// Real time.
    time: Duration,
    /// Memory that the process may write to, in bytes.
    memory: u64,
}

impl Trial {
    fn allowance(&self) -> Allowance {
        let large = self.large_components && self.code.len() > budget::COMPONENT;
        if large { LARGE_ALLOWANCE } else { ALLOWANCE }
    }
}

/// The tables whose names stand in the code: what a function may ask for, and no more.
///
/// # Errors
/// The table with which they have more than [`TABLES`] bytes.
pub fn tables_for(code: &[u8], tables: &Tables) -> Result<BTreeMap<String, Arc<Table>>, CheckError> {
    let named = |name: &String| memchr::memmem::find(code, name.as_bytes()).is_some();
    let mut found = BTreeMap::new();
    let mut bytes = 0;
    for name in tables.names().into_iter().filter(named) {
        // One that was deleted meanwhile is missing to the function, too.
        let Ok(table) = tables.get(&name) else { continue };
        bytes += table.bytes();
        if bytes > TABLES {
            return Err(CheckError::Exceeded(format!(
                "the tables that it names have more than {} MiB together, the last of them {name:?}: use smaller ones",
                TABLES >> 20
            )));
        }
        found.insert(name, table);
    }
    Ok(found)
}

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// Why the function can't be used; nothing else is told then.
    pub problem: Option<Problem>,
    /// What became of its cases.
    pub cases: Vec<CaseVerdict>,
    /// What became of the reports.
    pub results: Vec<Tried>,
    /// What it logged: level and text.
    pub logs: Vec<(String, String)>,
    /// Bytes that its instance held at the end.
    pub memory: usize,
}

/// Why a function can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of problem.
    pub title: String,
    /// What is wrong.
    pub detail: String,
    /// The line of the script, where one is known.
    pub line: Option<u32>,
}

impl Problem {
    /// A problem that has no line.
    pub fn new(title: &str, detail: impl Into<String>) -> Self {
        Problem { title: title.to_owned(), detail: detail.into(), line: None }
    }
}

/// What became of a report that was tried.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tried {
    /// The report.
    #[serde(rename = "in")]
    pub given: Value,
    /// `kept`, `changed`, `dropped`, `expanded`, `failed` or `not concerned`.
    pub outcome: String,
    /// What goes on.
    pub out: Vec<Value>,
    /// Why it failed.
    pub failure: Option<Value>,
    /// The lines in which `in` and `out` differ.
    pub difference: String,
    /// How long it took, in microseconds.
    pub time_us: f64,
}

/// The other side: reads a trial, limits itself and writes the verdict.
///
/// # Errors
/// Where stdin holds no trial, or stdout can't be written.
pub fn run(input: &mut dyn Read, output: &mut dyn Write) -> std::io::Result<()> {
    limits::yield_to_others();
    let trial = read(input)?;
    limits::limit_process(trial.allowance().memory, TIME.as_secs());
    serde_json::to_writer(&mut *output, &judge(&trial))?;
    output.flush()
}

fn read(input: &mut dyn Read) -> std::io::Result<Trial> {
    let mut text = String::new();
    input.take(INPUT).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

/// Compiles, runs the cases, and tries the reports, in this process.
pub fn judge(trial: &Trial) -> Verdict {
    let refuse = |problem| Verdict { problem: Some(problem), ..Verdict::default() };
    judged(trial).unwrap_or_else(refuse)
}

fn judged(trial: &Trial) -> Result<Verdict, Problem> {
    let (mut loaded, settings, journal) = prepare(trial)?;
    let cases = trial.cases.as_deref().map_or("[]", RawValue::get);
    let cases = cases::run(cases, &mut loaded).map_err(|error| Problem::new("bad cases", error))?;
    let reports = match (loaded.entry_points.transform, trial.last) {
        (true, None) => trial.reports.iter().collect(),
        (true, Some(last)) => concerned(&trial.reports, &settings, last),
        (false, None) if !trial.reports.is_empty() => {
            let detail = "it has no \"transform\" that reports could be tried on; requests are tried by cases";
            return Err(Problem::new("nothing to try", detail));
        }
        (false, _) => Vec::new(),
    };
    let mut function = loaded.function;
    let results = reports.into_iter().map(|report| attempt(report, &settings, function.as_mut())).collect();
    let logs = journal.after(None).into_iter().map(|line| (line.level.as_str().to_owned(), line.text)).collect();
    Ok(Verdict { problem: None, cases, results, logs, memory: function.memory() })
}

/// The last reports of contexts that the settings name, in their order.
fn concerned<'a>(reports: &'a [Value], settings: &Settings, last: usize) -> Vec<&'a Value> {
    let named = |report: &&Value| report["context"].as_str().is_some_and(|context| settings.contexts.contains(context));
    let mut newest: Vec<_> = reports.iter().rev().filter(named).take(last).collect();
    newest.reverse();
    newest
}

fn prepare(trial: &Trial) -> Result<(Loaded, Settings, Arc<Journal>), Problem> {
    let settings = Settings::parse(&trial.name, &trial.settings);
    let settings = settings.map_err(|error| Problem::new("bad settings", error))?;
    let language = Language::of(&trial.language).ok_or_else(|| {
        Problem::new("bad language", format!("the language is {:?}; use lua or wasm", trial.language))
    })?;
    let tables = Tables::default();
    for (name, table) in &trial.tables {
        tables.set(Layer::Store, name, table.clone());
    }
    let large_components = trial.large_components;
    let around = Around { tables: Arc::new(tables), large_components, ..Around::default() };
    let surroundings = around.of(&trial.name, FOLDER, settings.memory);
    let loaded = Loaded::compile(&trial.name, language, &trial.code, surroundings);
    let loaded = loaded.map_err(|error| Problem {
        line: error.line(),
        ..Problem::new("the function does not compile", error.to_string())
    })?;
    Ok((loaded, settings, around.stats.journal(&trial.name)))
}

fn attempt(given: &Value, settings: &Settings, function: &mut dyn Function) -> Tried {
    let text = given.to_string();
    let tried = |outcome: &str, out: Vec<Value>, failure: Option<Value>, time_us: f64| {
        let difference = diff::values(std::slice::from_ref(given), &out);
        Tried { given: given.clone(), outcome: outcome.to_owned(), out, failure, difference, time_us }
    };
    let report = match cases::report(&text) {
        Ok(report) => report,
        Err(error) => {
            let failure = serde_json::json!({"cause": "no report", "message": error});
            return tried("failed", vec![given.clone()], Some(failure), 0.0);
        }
    };
    if !settings.contexts.contains(&report.context) {
        return tried("not concerned", vec![given.clone()], None, 0.0);
    }
    let mut outcomes = Vec::with_capacity(1);
    let start = std::time::Instant::now();
    function.transform(std::slice::from_ref(&report), &mut outcomes);
    let time_us = start.elapsed().as_secs_f64() * 1e6;
    // A function makes an outcome of each report.
    let outcome = outcomes.pop().unwrap_or(Outcome::Keep);
    let failure = match &outcome {
        Outcome::Fail(Failure { cause, message }) => {
            Some(serde_json::json!({"cause": cause.as_str(), "message": message}))
        }
        _ => None,
    };
    // What was given may have been written in another way.
    let untouched = matches!(outcome, Outcome::Keep | Outcome::Fail(_));
    let word = outcome.as_str();
    let made = || outcome.made(report).iter().map(|one| serde_json::to_value(one).unwrap_or_default()).collect();
    tried(word, if untouched { vec![given.clone()] } else { made() }, failure, time_us)
}

/// Bytes as text in JSON.
mod base64 {
    use base64::display::Base64Display;
    use base64::engine::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes::from).map_err(serde::de::Error::custom)
    }
}

/// Tables that others hold, too.
mod shared {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::transform::tables::Table;

    type Tables = BTreeMap<String, Arc<Table>>;

    pub fn serialize<S: Serializer>(tables: &Tables, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(tables.iter().map(|(name, table)| (name, &**table)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tables, D::Error> {
        let tables = BTreeMap::<String, Table>::deserialize(deserializer)?;
        Ok(tables.into_iter().map(|(name, table)| (name, Arc::new(table))).collect())
    }
}
