//! Checking a function before it goes live: it is compiled and run in a process of its own, with less priority and less
//! memory than the server, so that nothing that it does there can hurt.
//!
//! The server writes a [`Trial`] to the process' stdin and reads a [`Verdict`] from its stdout. Both are this program.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
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
/// Bytes of the lookup tables that a function may ask for, all together.
const TABLES: usize = 32 << 20;
/// Bytes of a trial as it is handed over: code, cases, reports and tables.
const INPUT: u64 = 128 << 20;
/// Bytes of a verdict; a process that says more is killed.
const VERDICT: u64 = 16 << 20;

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
    /// The lookup tables that it may ask for, by name.
    #[serde(with = "shared")]
    pub tables: BTreeMap<String, Arc<Table>>,
}

/// The tables whose names stand in the code: what a function may ask for, and no more.
///
/// # Errors
/// The table with which they have more than [`TABLES`] bytes.
pub fn tables_for(code: &[u8], tables: &Tables) -> Result<BTreeMap<String, Arc<Table>>, CheckError> {
    let named = |name: &String| code.windows(name.len().max(1)).any(|window| window == name.as_bytes());
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
    /// Runs a check. What is to be checked is made when its turn has come, on a thread that may block, so that those
    /// who wait hold nothing more.
    ///
    /// # Errors
    /// [`CheckError`] where there is no verdict.
    pub async fn check(
        &self,
        trial: impl FnOnce() -> Result<Trial, CheckError> + Send + 'static,
    ) -> Result<Verdict, CheckError> {
        let busy = || CheckError::Busy("other functions are being checked; try again".to_owned());
        let _turn = tokio::time::timeout(TURN, self.turns.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
        let input = in_background(move || input(&trial()?)).await?;
        let checked = tokio::time::timeout(TIME, run_apart(input)).await;
        let exceeded = || CheckError::Exceeded(format!("it was not compiled and checked within {} s", TIME.as_secs()));
        let (status, output) = checked.map_err(|_| exceeded())?.map_err(failed)?;
        in_background(move || verdict(status, &output)).await
    }
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CheckError> + Send + 'static,
) -> Result<T, CheckError> {
    let stopping = |_| CheckError::Busy("the server is stopping; send it again".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(stopping)?
}

fn failed(error: std::io::Error) -> CheckError {
    CheckError::Busy(format!("the check could not be run: {error}"))
}

fn input(trial: &Trial) -> Result<Vec<u8>, CheckError> {
    let input = serde_json::to_vec(trial).map_err(|error| failed(error.into()))?;
    match input.len() as u64 > INPUT {
        true => Err(CheckError::Exceeded(format!("it has more than {} MiB with its cases and tables", INPUT >> 20))),
        false => Ok(input),
    }
}

/// Gives a process of its own the input; how it ended, and what it wrote. It is killed where it is not waited for to
/// its end, or writes more than [`VERDICT`].
async fn run_apart(input: Vec<u8>) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let mut child = start()?;
    let (mut stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let fed = async move {
        if let Some(stdin) = &mut stdin {
            // A process that ended early says more by its end.
            let _ = stdin.write_all(&input).await;
        }
    };
    let heard = async move {
        let mut output = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(VERDICT + 1).read_to_end(&mut output).await?;
        }
        std::io::Result::Ok(output)
    };
    // It has read all before it says anything.
    let output = tokio::join!(fed, heard).1?;
    if output.len() as u64 > VERDICT {
        child.start_kill()?;
    }
    Ok((child.wait().await?, output))
}

fn start() -> std::io::Result<Child> {
    // Nothing of the server's environment: it may hold passwords.
    tokio::process::Command::from(itself())
        .args(["function", "check"])
        .env_clear()
        // The allocator would take a gigabyte at once, to use little of it.
        .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// What a process found, by its output; else what its end tells.
fn verdict(status: ExitStatus, output: &[u8]) -> Result<Verdict, CheckError> {
    if output.len() as u64 > VERDICT {
        let detail = format!("what became of its cases and reports has more than {} MiB: try fewer", VERDICT >> 20);
        return Err(CheckError::Exceeded(detail));
    }
    serde_json::from_slice(output).map_err(|_| match status.code() {
        // It ended by itself, before it looked at the function.
        Some(code @ (1 | 2)) => CheckError::Busy(format!("the check could not be run: it ended with {code}")),
        _ => CheckError::Exceeded(format!(
            "the check ended without a verdict ({status}): it needs more than {} s or {} MiB to be compiled and checked",
            TIME.as_secs(),
            MEMORY >> 20
        )),
    })
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
    input.take(INPUT).read_to_string(&mut text)?;
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
    for (name, table) in &trial.tables {
        tables.set(Layer::Store, name, table.clone());
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

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_process_that_could_not_begin_says_nothing_about_the_function() {
        let of = |status: i32| verdict(ExitStatus::from_raw(status), b"").expect_err("there is no verdict");
        assert!(matches!(of(2 << 8), CheckError::Busy(_)));
        // By SIGKILL, as where its processor time is used up.
        assert!(matches!(of(9), CheckError::Exceeded(_)));
    }
}
