//! Runs the cases that functions carry: `NAME.cases.json` beside `NAME.lua` or `NAME.wasm`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use upto_wire::{Report, Time, json};

use super::diff;
use crate::transform::compile::{self, CompileError, Surroundings, compile};
use crate::transform::live::{Around, FOLDER};
use crate::transform::tables::Tables;
use crate::transform::{EntryPoints, Function, Language, Outcome, Request, Secrets, Settings};

/// When the request of a case comes, unless it says so: 2026-01-01T00:00:00Z.
const RECEIVED: Time = Time::from_micros(1_767_225_600_000_000);

/// One case: these reports, or this request, in, and those reports out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case<'a> {
    name: String,
    #[serde(borrow, default, rename = "in")]
    given: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    request: Option<CaseRequest>,
    /// The secrets that there are.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    #[serde(borrow, default, rename = "out")]
    wanted: Option<Vec<&'a RawValue>>,
    /// A part of the failure that is wanted, or of the refusal, which begins with its status.
    #[serde(default)]
    error: Option<String>,
}

/// The request of a case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CaseRequest {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: String,
    /// A body that is this JSON, without spaces.
    json: Option<serde_json::Value>,
    time: Option<String>,
}

impl Default for CaseRequest {
    fn default() -> Self {
        CaseRequest {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: BTreeMap::new(),
            headers: BTreeMap::new(),
            body: String::new(),
            json: None,
            time: None,
        }
    }
}

/// A function, ready for its cases.
pub struct Loaded {
    /// The function.
    pub function: Box<dyn Function>,
    /// What it defines.
    pub entry_points: EntryPoints,
    secrets: Arc<Secrets>,
}

impl Loaded {
    /// Compiles a function, whose secrets become those of its cases.
    ///
    /// # Errors
    /// Those of [`compile`].
    pub fn compile(
        name: &str,
        language: Language,
        code: &[u8],
        surroundings: Surroundings,
    ) -> Result<Self, CompileError> {
        let secrets = surroundings.secrets.clone();
        let program = compile(name, language, code, surroundings)?;
        let function = program.instantiate().map_err(|failure| CompileError(failure.message))?;
        Ok(Loaded { function, entry_points: program.entry_points(), secrets })
    }
}

/// What a run of cases found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Functions that were found.
    pub functions: usize,
    /// Functions that do not compile, or whose cases can't be read.
    pub broken: usize,
    /// Functions that compile and have no cases.
    pub without_cases: usize,
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
}

impl Summary {
    /// Whether all is well: functions were found, all of them compile, and no case failed.
    pub fn is_ok(&self) -> bool {
        self.functions > 0 && self.broken == 0 && self.failed == 0
    }
}

/// Compiles the functions at `paths` (files, or folders whose functions are meant) and runs their cases in the sandbox
/// and with the limits of the server. Lookup tables are those of the folder `tables` beside each function.
///
/// # Errors
/// Where `out` can't be written, or a path can't be read.
pub fn test(paths: &[PathBuf], out: &mut dyn Write) -> io::Result<Summary> {
    let mut summary = Summary::default();
    for file in files(paths)? {
        summary.functions += 1;
        test_file(&file, &mut summary, out)?;
    }
    let Summary { functions, broken, without_cases, passed, failed } = summary;
    write!(out, "{}: {} passed, {failed} failed", count(functions, "function"), count(passed, "case"))?;
    for (number, what) in [(broken, "broken"), (without_cases, "without cases")] {
        if number > 0 {
            write!(out, ", {} {what}", count(number, "function"))?;
        }
    }
    writeln!(out)?;
    Ok(summary)
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn files(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        if !fs::metadata(path).map_err(named)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside: Vec<PathBuf> = fs::read_dir(path)
            .map_err(named)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| compile::language(path).is_some())
            .collect();
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

fn test_file(file: &Path, summary: &mut Summary, out: &mut dyn Write) -> io::Result<()> {
    let name = file.display();
    let mut loaded = match load(file) {
        Ok(loaded) => loaded,
        Err(reason) => {
            summary.broken += 1;
            return writeln!(out, "{name}: broken\n    {reason}");
        }
    };
    let cases_file = file.with_extension("cases.json");
    let text = match fs::read_to_string(&cases_file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            summary.without_cases += 1;
            return writeln!(out, "{name}: compiles, has no cases ({} would hold them)", cases_file.display());
        }
        Err(error) => {
            summary.broken += 1;
            return writeln!(out, "{}: {error}", cases_file.display());
        }
    };
    let verdicts = match run(&text, &mut loaded) {
        Ok(verdicts) => verdicts,
        Err(error) => {
            summary.broken += 1;
            return writeln!(out, "{}: {error}", cases_file.display());
        }
    };
    for CaseVerdict { name: case, passed, difference } in verdicts {
        if passed {
            summary.passed += 1;
            writeln!(out, "{name}: {case}: ok")?;
        } else {
            summary.failed += 1;
            writeln!(out, "{name}: {case}: failed\n{}", diff::indented(&difference))?;
        }
    }
    Ok(())
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseVerdict {
    /// Its name.
    pub name: String,
    /// Whether the function made of the reports what was wanted.
    pub passed: bool,
    /// What differs, line by line; empty for one that passed.
    pub difference: String,
}

/// Runs all cases of a JSON list.
///
/// # Errors
/// A sentence where it is none.
pub fn run(cases: &str, loaded: &mut Loaded) -> Result<Vec<CaseVerdict>, String> {
    let cases: Vec<Case<'_>> = serde_json::from_str(cases).map_err(|error| format!("no list of cases: {error}"))?;
    let verdict = |case: Case<'_>| {
        let difference = run_case(&case, loaded).err().unwrap_or_default();
        CaseVerdict { name: case.name, passed: difference.is_empty(), difference }
    };
    Ok(cases.into_iter().map(verdict).collect())
}

/// A report as JSON, checked. An error is a sentence.
pub fn report(json: &str) -> Result<Report<'_>, String> {
    let parsed = json::report(json).and_then(|mut report| report.check().map(|()| report));
    parsed.map_err(|error| error.to_string())
}

fn load(file: &Path) -> Result<Loaded, String> {
    let language = compile::language(file).ok_or("a function is a .lua or a .wasm file")?;
    let name = compile::name(file).map_err(|error| error.to_string())?;
    let code = fs::read(file).map_err(|error| error.to_string())?;
    let tables = Tables::beside(file).map_err(|(path, error)| format!("{}: {error}", path.display()))?;
    let settings = match fs::read_to_string(file.with_extension("settings.json")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Settings::beside(name, None),
        Err(error) => Err(format!("{name}.settings.json: {error}")),
        Ok(text) => Settings::beside(name, Some(&text)),
    }?;
    let around = Around { tables: Arc::new(tables), large_components: true, ..Around::default() };
    let surroundings = around.of(name, FOLDER, settings.memory);
    Loaded::compile(name, language, &code, surroundings).map_err(|error| error.to_string())
}

/// Runs one case; an error is what to show for it.
fn run_case(case: &Case<'_>, loaded: &mut Loaded) -> Result<(), String> {
    loaded.secrets.replace(case.secrets.clone());
    let (made, failures) = match (&case.given, &case.request) {
        (Some(given), None) if loaded.entry_points.transform => {
            transform(reports("in", given)?, loaded.function.as_mut())
        }
        (None, Some(request)) if loaded.entry_points.receive => receive(request, loaded.function.as_mut())?,
        (Some(_), None) => return Err("it has \"in\", and the function no \"transform\"\n".into()),
        (None, Some(_)) => return Err("it has a \"request\", and the function no \"receive\"\n".into()),
        _ => return Err("it needs either \"in\" or \"request\"\n".into()),
    };
    let failed_as_wanted = match &case.error {
        Some(words) => failures.contains(words.as_str()),
        None => failures.is_empty(),
    };
    let wanted = match (&case.wanted, &case.error) {
        (Some(wanted), _) => reports("out", wanted)?,
        (None, Some(_)) if failed_as_wanted => return Ok(()),
        (None, Some(words)) => return Err(format!("{failures}it was to fail with {words:?}\n")),
        (None, None) => return Err("it needs \"out\" or \"error\"\n".into()),
    };
    match failed_as_wanted && made == wanted {
        true => Ok(()),
        false => Err(failures + &difference(&wanted, &made)),
    }
}

/// The reports that the function leaves of those given, and what it failed with.
fn transform<'a>(given: Vec<Report<'a>>, function: &mut dyn Function) -> (Vec<Report<'a>>, String) {
    let mut outcomes = Vec::with_capacity(given.len());
    function.transform(&given, &mut outcomes);
    let (mut made, mut failures) = (Vec::new(), String::new());
    for (at, (report, outcome)) in given.into_iter().zip(outcomes).enumerate() {
        if let Outcome::Fail(failure) = &outcome {
            // Writing to a String can't fail.
            let _ = writeln!(failures, "it failed on report {}: {failure}", at + 1);
        }
        made.extend(outcome.made(report));
    }
    (made, failures)
}

/// As [`transform`], of a request. An error is what is wrong with the case.
fn receive(given: &CaseRequest, function: &mut dyn Function) -> Result<(Vec<Report<'static>>, String), String> {
    let own = |pairs: &BTreeMap<String, String>| pairs.clone().into_iter().collect::<Vec<_>>();
    let received = given.time.as_deref().map(Time::parse).transpose();
    let body = given.json.as_ref().map_or_else(|| given.body.clone(), ToString::to_string);
    let mut headers = given.headers.clone();
    headers.entry("source".to_owned()).or_insert_with(|| "127.0.0.1".to_owned());
    let request = Request {
        method: (&given.method).into(),
        path: (&given.path).into(),
        query: own(&given.query),
        headers: own(&headers),
        body: body.as_bytes().into(),
        received: received.map_err(|error| format!("\"request\": {error}\n"))?.unwrap_or(RECEIVED),
    };
    Ok(match function.receive(&request) {
        Ok(made) => (made, String::new()),
        Err(rejection) => (Vec::new(), format!("{rejection}\n")),
    })
}

fn reports<'a>(side: &str, items: &[&'a RawValue]) -> Result<Vec<Report<'a>>, String> {
    let parse_at = |(at, item): (usize, &&'a RawValue)| {
        report(item.get()).map_err(|error| format!("\"{side}\", report {}: {error}", at + 1))
    };
    items.iter().enumerate().map(parse_at).collect()
}

/// The lines in which two lists of reports differ: `-` is wanted and missing, `+` is there and not wanted.
fn difference(wanted: &[Report<'_>], made: &[Report<'_>]) -> String {
    diff::lines(&pretty(wanted), &pretty(made))
}

fn pretty(reports: &[Report<'_>]) -> String {
    serde_json::to_string_pretty(reports).map_or_else(|error| error.to_string(), |text| text + "\n")
}
