//! `try`: what a function would make of reports.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::file::FunctionFile;
use super::screen::{Screen, count};
use super::server::{Server, function};
use super::{Done, ToolError};
use crate::config::functions::TryArgs;
use crate::functions::cases::CaseVerdict;
use crate::functions::check::{self, REPORTS, Tried, Verdict};
use crate::transform::tables::Tables;

/// Tries a function: on the server's newest reports, or on those of a file.
pub fn run(args: &TryArgs, screen: &mut Screen) -> Done {
    let file = FunctionFile::read(&args.file, None)?;
    let verdict = match &args.reports {
        Some(reports) => locally(&file, read_reports(reports)?)?,
        None => on_server(&file, &Server::at(&args.server)?, args.last)?,
    };
    show(&verdict, args.reports.is_none(), screen)
}

fn on_server(file: &FunctionFile, server: &Server, last: usize) -> Result<Verdict, ToolError> {
    let mut body = file.to_json();
    body["last"] = json!(last);
    let answer = match server.post(&format!("{}/try", function(&file.name)?), &body) {
        Err(ToolError::Refused(refusal)) => return Err(file.explain(&refusal)),
        answer => answer?,
    };
    let stranger =
        |error: serde_json::Error| ToolError::Unusable(format!("the server's answer is another one: {error}"));
    let logs = answer["logs"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Verdict {
        problem: None,
        cases: serde_json::from_value(answer["cases"].clone()).map_err(stranger)?,
        results: serde_json::from_value(answer["results"].clone()).map_err(stranger)?,
        logs: logs.map(|line| (text(&line["level"]), text(&line["text"]))).collect(),
        memory: answer["memory"].as_u64().unwrap_or(0) as usize,
    })
}

/// The check of the server, here, with the tables of the folder beside the function.
fn locally(file: &FunctionFile, reports: Vec<Value>) -> Result<Verdict, ToolError> {
    let broken = |path: &Path, error: &dyn std::fmt::Display| ToolError::Failed(format!("{}: {error}", path.display()));
    let tables = Tables::beside(&file.path).map_err(|(path, error)| broken(&path, &error))?;
    let tables = check::tables_for(&file.code, &tables).map_err(|error| broken(&file.path, &error))?;
    let cases = file.cases.as_ref().map(to_raw_value).transpose();
    let trial = check::Trial {
        name: file.name.clone(),
        language: file.language.as_str().to_owned(),
        code: file.code.clone().into(),
        cases: cases.map_err(|error| broken(&file.path, &error))?,
        settings: Value::Object(file.settings.clone()).to_string(),
        reports,
        last: None,
        large_components: true,
        tables,
    };
    let verdict = check::judge(&trial);
    match &verdict.problem {
        Some(problem) => Err(ToolError::Failed(format!("{}: {}", problem.title, file.with_path(&problem.detail)))),
        None => Ok(verdict),
    }
}

/// The reports of a file: one, a list, or one a line.
fn read_reports(path: &Path) -> Result<Vec<Value>, ToolError> {
    let unusable = |reason: String| ToolError::Unusable(format!("{}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>().collect::<Result<Vec<Value>, _>>();
    let reports: Vec<Value> = values
        .map_err(|error| unusable(error.to_string()))?
        .into_iter()
        .flat_map(|value| match value {
            Value::Array(several) => several,
            one => vec![one],
        })
        .collect();
    match reports.len() {
        0 => Err(unusable("there is no report in it".into())),
        1..=REPORTS => Ok(reports),
        more => Err(unusable(format!("it has {more} reports; at most {REPORTS} are tried"))),
    }
}

/// Shows what came of each report and of the cases. All is well if nothing failed.
fn show(verdict: &Verdict, of_server: bool, screen: &mut Screen) -> Done {
    for Tried { given, outcome, failure, difference, time_us, .. } in &verdict.results {
        let reason = failure.as_ref().and_then(|failure| failure["message"].as_str());
        let reason = reason.map_or_else(|| format!(", {time_us:.1} µs"), |reason| format!(": {reason}"));
        screen.line(format!("{}: {outcome}{reason}", describe(given)))?;
        if matches!(outcome.as_str(), "changed" | "expanded") {
            screen.difference(difference)?;
        }
    }
    for (level, text) in &verdict.logs {
        screen.line(format!("logged: {level}: {text}"))?;
    }
    for CaseVerdict { name, difference, .. } in verdict.cases.iter().filter(|case| !case.passed) {
        screen.line(format!("case {name}: failed"))?;
        screen.difference(difference)?;
    }
    if verdict.results.is_empty() && verdict.cases.is_empty() && of_server {
        screen.line("this server keeps no report that would pass it; --reports FILE tries others")?;
    }
    let failed_cases = verdict.cases.iter().filter(|case| !case.passed).count();
    screen.line(summary(verdict, failed_cases))?;
    Ok(failed_cases == 0 && verdict.results.iter().all(|tried| tried.outcome != "failed"))
}

fn summary(verdict: &Verdict, failed_cases: usize) -> String {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for tried in &verdict.results {
        *outcomes.entry(&tried.outcome).or_default() += 1;
    }
    let outcomes: Vec<String> = outcomes.iter().map(|(outcome, number)| format!("{number} {outcome}")).collect();
    let reports = match outcomes.is_empty() {
        true => count(0, "report"),
        false => format!("{}: {}", count(verdict.results.len(), "report"), outcomes.join(", ")),
    };
    let passed = verdict.cases.len() - failed_cases;
    format!("{reports}; {} passed, {failed_cases} failed", count(passed, "case"))
}

/// A report in few words: context, name or timeline, type, host.
pub fn describe(report: &Value) -> String {
    let text = |member: &str| report[member].as_str().filter(|text| !text.is_empty());
    let host = text("host").map(|host| format!("on {host}"));
    let what = text("name").or(text("timeline"));
    let parts = [text("context"), what, text("type"), host.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
