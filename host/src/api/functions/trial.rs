//! Trying a function on reports: nothing is kept.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::extract::Segments;
use super::super::hal::Hal;
use super::super::problem::{Problem, Result};
use super::super::{App, body};
use super::deploy::{FunctionText, limit, no_cases};
use super::{cases, resource, versions};
use crate::functions::check::{REPORTS, Verdict};
use crate::functions::deploy::Candidate;
use crate::transform::compile;
use crate::transform::loader::FolderFunction;
use crate::transform::{Language, Settings};

/// What to try it on; beside it stands the function, if it is not a deployed one.
#[derive(Deserialize)]
struct Subject {
    /// A version that was deployed; without it and without code, the active one.
    version: Option<u32>,
    /// Reports to try it on.
    reports: Option<Vec<Value>>,
    /// Or so many of the newest reports that came and concern it.
    last: Option<usize>,
}

/// The members of [`Subject`].
const SUBJECT: [&str; 3] = ["version", "reports", "last"];

pub async fn attempt(
    State(app): State<App>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Hal> {
    // The place is kept until the function is checked, as it is held until then.
    let (mut members, _room): (Map<String, Value>, _) = body::json_with_room(&app, &headers, body, limit(&app)).await?;
    let subject = SUBJECT.iter().filter_map(|name| Some(((*name).to_owned(), members.shift_remove(*name)?))).collect();
    let subject: Subject = part(Value::Object(subject))?;
    let function: FunctionText = part(Value::Object(members))?;
    let last = subject.last;
    let reports = match (subject.reports, last) {
        (Some(reports), None) => reports,
        (None, Some(_)) => app.recent.all().iter().map(resource::report).collect(),
        (None, None) => Vec::new(),
        (Some(_), Some(_)) => return Err(Problem::bad_request("give either \"reports\" or \"last\"")),
    };
    if reports.len() > REPORTS {
        return Err(Problem::bad_request(format!("there are {} reports; at most {REPORTS} are tried", reports.len())));
    }
    let candidate = match (function.has_code(), subject.version) {
        (true, None) => function.candidate(&name)?,
        (true, Some(_)) => return Err(Problem::bad_request("give either a \"version\" or code")),
        (false, version) => function.over(deployed(&app, &name, version).await?)?,
    };
    let verdict = app.registry.check(&candidate, reports, last).await?;
    match verdict.problem {
        Some(_) => Err(crate::functions::deploy::DeployError::Refused(Box::new(verdict)).into()),
        None => Ok(Hal(answer(&name, &verdict))),
    }
}

fn part<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| Problem::bad_request(format!("the body: {error}")))
}

/// The function as it is in the store or in a folder.
async fn deployed(app: &App, name: &str, version: Option<u32>) -> Result<Candidate> {
    if let Some(one) = app.registry.registered().folder.iter().find(|one| one.name() == name) {
        return from_folder(one).await;
    }
    let active = || Ok::<_, Problem>(app.registry.known(name)?.row.active);
    let number = match version {
        Some(number) => number,
        None => active()?.ok_or_else(|| Problem::bad_request("no version is active: say which, or give code"))?,
    };
    let (row, content) = versions::find(app, name, number).await?;
    let broken = |what: &str| Problem::bad_request(format!("version {number} has {what} that this upto does not know"));
    Ok(Candidate {
        name: name.to_owned(),
        language: Language::of(&row.language).ok_or_else(|| broken("a language"))?,
        code: content.code.into(),
        cases: RawValue::from_string(content.cases).map_err(|_| broken("cases"))?,
        settings: Settings::parse(name, &row.settings).map_err(|_| broken("settings"))?,
    })
}

async fn from_folder(one: &FolderFunction) -> Result<Candidate> {
    let unreadable = |error: io::Error| Problem::busy(format!("the function's file can't be read: {error}"));
    let bad = |error: serde_json::Error| Problem::bad_request(format!("the cases beside the function: {error}"));
    let name = one.name();
    let cases = match tokio::fs::read_to_string(one.path.with_extension("cases.json")).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => no_cases(),
        cases => RawValue::from_string(cases.map_err(unreadable)?).map_err(bad)?,
    };
    Ok(Candidate {
        name: name.to_owned(),
        language: compile::language(&one.path).unwrap_or(Language::Lua),
        code: tokio::fs::read(&one.path).await.map_err(unreadable)?.into(),
        cases,
        settings: one.version.as_ref().map_or_else(|| Settings::of(name), |version| version.settings.clone()),
    })
}

fn answer(name: &str, verdict: &Verdict) -> Value {
    let mut times: Vec<f64> = verdict.results.iter().map(|tried| tried.time_us).filter(|time| *time > 0.0).collect();
    times.sort_by(f64::total_cmp);
    let logs: Vec<Value> = verdict.logs.iter().map(|(level, text)| json!({"level": level, "text": text})).collect();
    json!({
        "function": name,
        "compiled": true,
        "results": serde_json::to_value(&verdict.results).unwrap_or_default(),
        "cases": cases(verdict),
        "logs": logs,
        "time_us": {"p50": times.get(times.len() / 2), "max": times.last()},
        "memory": verdict.memory,
    })
}
