//! Runs the cases that functions carry: `NAME.cases.json` beside `NAME.lua` or `NAME.wasm`.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use upto_wire::{Report, json};

use super::diff;
use crate::transform::compile::{self, Surroundings, compile};
use crate::transform::live::FOLDER;
use crate::transform::log::Log;
use crate::transform::tables::Tables;
use crate::transform::{Function, Outcome};

/// One case: these reports in, those out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case<'a> {
    name: String,
    #[serde(borrow, rename = "in")]
    given: Vec<&'a RawValue>,
    #[serde(borrow, rename = "out")]
    wanted: Vec<&'a RawValue>,
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
    let mut function = match load(file) {
        Ok(function) => function,
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
    let verdicts = match run(&text, function.as_mut()) {
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
pub fn run(cases: &str, function: &mut dyn Function) -> Result<Vec<CaseVerdict>, String> {
    let cases: Vec<Case<'_>> = serde_json::from_str(cases).map_err(|error| format!("no list of cases: {error}"))?;
    let verdict = |case: Case<'_>| {
        let difference = run_case(&case, function).err().unwrap_or_default();
        CaseVerdict { name: case.name, passed: difference.is_empty(), difference }
    };
    Ok(cases.into_iter().map(verdict).collect())
}

/// A report as JSON, checked. An error is a sentence.
pub fn report(json: &str) -> Result<Report<'_>, String> {
    let parsed = json::report(json).and_then(|mut report| report.check().map(|()| report));
    parsed.map_err(|error| error.to_string())
}

fn load(file: &Path) -> Result<Box<dyn Function>, String> {
    let language = compile::language(file).ok_or("a function is a .lua or a .wasm file")?;
    let name = compile::name(file).map_err(|error| error.to_string())?;
    let code = fs::read(file).map_err(|error| error.to_string())?;
    let tables = Tables::beside(file).map_err(|(path, error)| format!("{}: {error}", path.display()))?;
    let log = Arc::new(Log::new(name, FOLDER, Arc::default()));
    let surroundings = Surroundings { tables: Arc::new(tables), log };
    let program = compile(name, language, &code, surroundings).map_err(|error| error.to_string())?;
    program.instantiate().map_err(|failure| failure.message)
}

/// Runs one case; an error is what to show for it.
fn run_case(case: &Case<'_>, function: &mut dyn Function) -> Result<(), String> {
    let given = reports("in", &case.given)?;
    let wanted = reports("out", &case.wanted)?;
    let mut outcomes = Vec::with_capacity(given.len());
    function.transform(&given, &mut outcomes);
    let (mut made, mut failures) = (Vec::new(), String::new());
    for (at, (report, outcome)) in given.into_iter().zip(outcomes).enumerate() {
        match outcome {
            Outcome::Keep => made.push(report),
            Outcome::Drop => {}
            Outcome::Replace(new) => made.push(*new),
            Outcome::Expand(several) => made.extend(several),
            Outcome::Fail(failure) => {
                // Writing to a String can't fail.
                let _ = writeln!(failures, "it failed on report {}: {failure}", at + 1);
                made.push(report);
            }
        }
    }
    match failures.is_empty() && made == wanted {
        true => Ok(()),
        false => Err(failures + &difference(&wanted, &made)),
    }
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
