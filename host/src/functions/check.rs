//! Checking a function before it goes live: it is compiled and run in a process of its own, with less priority and less
//! memory than the server, so that nothing that it does there can hurt.
//!
//! The server writes a [`Trial`] to the process' stdin and reads a [`Verdict`] from its stdout. Both are this program.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use upto_wire::Report;

use super::cases::{self, CaseVerdict, Loaded};
use super::{diff, limits};
use crate::transform::live::FOLDER;
use crate::transform::log::{Journal, Log};
use crate::transform::tables::{Layer, Table, Tables};
use crate::transform::{Function, Language, Outcome, Settings};

/// How long a check may take, in real and in processor time.
pub const TIME: Duration = Duration::from_secs(10);
/// Memory that the process may write to, in bytes.
const MEMORY: u64 = 512 << 20;
/// Checks at a time; others wait.
const CHECKS: usize = 2;
/// How long a check waits for its turn.
const TURN: Duration = Duration::from_secs(15);
/// Reports that are tried at the most.
pub const REPORTS: usize = 256;
/// Bytes of a verdict; a function can't make it larger, but by cases that are.
const VERDICT: u64 = 64 << 20;

/// What is to be checked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Trial {
    /// The function's name.
    pub name: String,
    /// `lua` or `wasm`.
    pub language: String,
    /// The code.
    #[serde(with = "base64")]
    pub code: Vec<u8>,
    /// Cases, as a JSON list.
    pub cases: Option<Box<RawValue>>,
    /// The settings, as JSON.
    pub settings: String,
    /// Reports to be tried, as JSON.
    pub reports: Vec<Value>,
    /// The lookup tables that it may ask for, by name.
    pub tables: BTreeMap<String, BTreeMap<String, String>>,
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

/// The server's side.
#[derive(Debug)]
pub struct Checker {
    turns: Semaphore,
}

/// Why a check gave no verdict.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It may work later.
    #[error("{0}")]
    Busy(String),
    /// The function used up what it was given.
    #[error("{0}")]
    Exceeded(String),
}

impl Default for Checker {
    fn default() -> Self {
        Checker { turns: Semaphore::new(CHECKS) }
    }
}

impl Checker {
    /// Runs a check.
    ///
    /// # Errors
    /// [`CheckError`] where there is no verdict.
    pub async fn check(&self, trial: &Trial) -> Result<Verdict, CheckError> {
        let busy = || CheckError::Busy("other functions are being checked; try again".to_owned());
        let _turn = tokio::time::timeout(TURN, self.turns.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
        let failed = |error: std::io::Error| CheckError::Busy(format!("the check could not be run: {error}"));
        // Nothing of the server's environment: it may hold passwords.
        let mut child = tokio::process::Command::from(itself())
            .args(["function", "check"])
            .env_clear()
            // The allocator would take a gigabyte at once, to use little of it.
            .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let input = serde_json::to_vec(trial).map_err(|error| failed(error.into()))?;
        let mut stdin = child.stdin.take();
        let fed = async move {
            if let Some(stdin) = &mut stdin {
                // A process that ended early says more by its end.
                let _ = stdin.write_all(&input).await;
            }
        };
        let ended = async { tokio::join!(fed, child.wait_with_output()).1 };
        let exceeded = || CheckError::Exceeded(format!("it was not compiled and checked within {} s", TIME.as_secs()));
        let output = tokio::time::timeout(TIME, ended).await.map_err(|_| exceeded())?.map_err(failed)?;
        serde_json::from_slice(&output.stdout).map_err(|_| {
            CheckError::Exceeded(format!(
                "the check ended without a verdict ({}): it needs more than {} s or {} MiB to be compiled and checked",
                output.status,
                TIME.as_secs(),
                MEMORY >> 20
            ))
        })
    }
}

/// This program, also where its file was replaced since.
fn itself() -> Command {
    Command::new("/proc/self/exe")
}

/// The other side: limits itself, reads a trial and writes the verdict.
///
/// # Errors
/// Where stdin holds no trial, or stdout can't be written.
pub fn run(input: &mut dyn Read, output: &mut dyn Write) -> std::io::Result<()> {
    limits::limit_process(MEMORY, TIME.as_secs());
    limits::yield_to_others();
    let mut text = String::new();
    input.take(VERDICT).read_to_string(&mut text)?;
    let trial: Trial = serde_json::from_str(&text)?;
    serde_json::to_writer(&mut *output, &judge(&trial))?;
    output.flush()
}

/// Compiles, runs the cases, and tries the reports, in this process.
pub fn judge(trial: &Trial) -> Verdict {
    let refuse = |problem| Verdict { problem: Some(problem), ..Verdict::default() };
    judged(trial).unwrap_or_else(refuse)
}

fn judged(trial: &Trial) -> Result<Verdict, Problem> {
    let journal = Arc::new(Journal::default());
    let (mut loaded, settings) = prepare(trial, &journal)?;
    let cases = trial.cases.as_deref().map_or("[]", RawValue::get);
    let cases = cases::run(cases, &mut loaded).map_err(|error| Problem::new("bad cases", error))?;
    if !trial.reports.is_empty() && !loaded.entry_points.transform {
        let detail = "it has no \"transform\" that reports could be tried on; requests are tried by cases";
        return Err(Problem::new("nothing to try", detail));
    }
    let mut function = loaded.function;
    let results = trial.reports.iter().map(|report| attempt(report, &settings, function.as_mut())).collect();
    let logs = journal.after(None).into_iter().map(|line| (line.level.as_str().to_owned(), line.text)).collect();
    Ok(Verdict { problem: None, cases, results, logs, memory: function.memory() })
}

fn prepare(trial: &Trial, journal: &Arc<Journal>) -> Result<(Loaded, Settings), Problem> {
    let settings = Settings::parse(&trial.name, &trial.settings);
    let settings = settings.map_err(|error| Problem::new("bad settings", error))?;
    let language = Language::of(&trial.language).ok_or_else(|| {
        Problem::new("bad language", format!("the language is {:?}; use lua or wasm", trial.language))
    })?;
    let tables = Tables::default();
    for (name, rows) in &trial.tables {
        tables.set(Layer::Store, name, Arc::new(Table::from_iter(rows.iter().map(|(k, v)| (k.as_str(), v.as_str())))));
    }
    let log = Arc::new(Log::new(&trial.name, FOLDER, journal.clone()));
    let loaded = Loaded::compile(&trial.name, language, &trial.code, tables, log).map_err(|error| Problem {
        line: error.line(),
        ..Problem::new("the function does not compile", error.to_string())
    })?;
    Ok((loaded, settings))
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
    let value = |report: &Report<'_>| serde_json::to_value(report).unwrap_or_default();
    match outcomes.pop() {
        Some(Outcome::Replace(new)) => tried("changed", vec![value(&new)], None, time_us),
        Some(Outcome::Drop) => tried("dropped", Vec::new(), None, time_us),
        Some(Outcome::Expand(several)) => tried("expanded", several.iter().map(value).collect(), None, time_us),
        Some(Outcome::Fail(failure)) => {
            let failure = serde_json::json!({"cause": failure.cause.as_str(), "message": failure.message});
            tried("failed", vec![given.clone()], Some(failure), time_us)
        }
        Some(Outcome::Keep) | None => tried("kept", vec![given.clone()], None, time_us),
    }
}

/// Bytes as text in JSON.
mod base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
