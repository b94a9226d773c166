//! A function as the API shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use upto_wire::{Report, Time};

use super::super::App;
use super::super::hal::{self, Links};
use super::super::problem::{Problem, Result};
use crate::access::hex;
use crate::functions::Known;
use crate::store::functions::VersionRow;
use crate::transform::canary::{Canary, Difference};
use crate::transform::loader::FolderFunction;
use crate::transform::stats::{FailedRequest, LastError};
use crate::transform::{Failure, FailureCause, OnError, Outcome, Settings, Snapshot, Version};

/// The part of failed reports and requests of the last minute from which on a function counts as failing.
const FAILING: f64 = 0.01;

/// All functions: those that run in the order in which reports pass them, then the others by name. Requests on which they
/// failed are shown to who may deploy.
pub async fn all(app: &App, may_deploy: bool) -> Result<Vec<Value>> {
    let (registered, letters) = (app.registry.registered(), app.registry.dead_letters().await);
    let mut functions: Vec<_> = registered.functions.values().map(Function::Stored).collect();
    functions.extend(registered.folder.iter().map(Function::Folder));
    functions.sort_by_cached_key(|function| {
        let version = function.running();
        (version.is_none(), version.map_or(0, |version| version.settings.order), function.name().to_owned())
    });
    Ok(functions.into_iter().map(|function| resource(function, &letters, may_deploy)).collect())
}

/// One function, as [`all`] shows it.
pub async fn of(app: &App, name: &str, may_deploy: bool) -> Result<Value> {
    let (registered, letters) = (app.registry.registered(), app.registry.dead_letters().await);
    let stored = registered.functions.get(name).map(Function::Stored);
    let folder = || registered.folder.iter().map(Function::Folder).find(|function| function.name() == name);
    let missing = || Problem::not_found(format!("there is no function {name:?}"));
    Ok(resource(stored.or_else(folder).ok_or_else(missing)?, &letters, may_deploy))
}

/// Refuses the name of a function that is not there. It asks nobody.
pub fn expect(app: &App, name: &str) -> Result<()> {
    let registered = app.registry.registered();
    let there = registered.functions.contains_key(name) || registered.folder.iter().any(|one| one.name() == name);
    if there { Ok(()) } else { Err(Problem::not_found(format!("there is no function {name:?}"))) }
}

#[derive(Clone, Copy)]
enum Function<'a> {
    Stored(&'a Known),
    Folder(&'a FolderFunction),
}

impl Function<'_> {
    fn name(&self) -> &str {
        match self {
            Function::Stored(known) => &known.row.name,
            Function::Folder(one) => one.name(),
        }
    }

    fn running(&self) -> Option<&Arc<Version>> {
        match self {
            Function::Stored(known) => known.running.as_ref(),
            Function::Folder(one) => one.version.as_ref(),
        }
    }

    fn problem(&self) -> Option<&String> {
        match self {
            Function::Stored(known) => known.problem.as_ref(),
            Function::Folder(one) => one.problem.as_ref(),
        }
    }

    fn language(&self) -> &str {
        match self {
            Function::Stored(known) => known.active.as_ref().map_or("", |active| &active.language),
            Function::Folder(one) => one.file.rsplit('.').next().unwrap_or_default(),
        }
    }

    /// What the store says of it; `None` for one from a folder.
    fn stored(&self) -> Option<&Known> {
        match self {
            Function::Stored(known) => Some(known),
            Function::Folder(_) => None,
        }
    }
}

fn resource(function: Function<'_>, letters: &BTreeMap<String, u64>, may_deploy: bool) -> Value {
    let (name, stored) = (function.name(), function.stored());
    // Zeros for what does not run.
    let snapshot = function.running().map_or_else(Snapshot::default, |version| version.stats.snapshot());
    let active: Option<&VersionRow> = stored.and_then(|known| known.active.as_ref());
    let settings = function.running().map_or_else(|| Settings::of(name), |version| version.settings.clone());
    let rolled_back = stored.and_then(|known| serde_json::from_str::<Value>(&known.row.rolled_back).ok());
    let entry_points = function.running().map(|version| version.program.entry_points());
    let entry_points: Vec<&str> = entry_points.into_iter().flat_map(|points| points.names()).collect();
    let mut members = json!({
        "name": name,
        "source": if stored.is_some() { "store" } else { "folder" },
        "language": function.language(),
        "entry_points": entry_points,
        "state": state(function, &snapshot),
        "problem": function.problem().or(stored.and_then(|known| Some(&known.canary_problem.as_ref()?.1))),
        "active": stored.and_then(|known| known.row.active),
        "versions": stored.map_or(0, |known| known.row.versions),
        "running": function.running().map(|version| version.number).filter(|_| stored.is_some()),
        "canary": stored.and_then(trial),
        "rolled_back": rolled_back,
        "settings": self::settings(&settings),
        "sha256": active.map(|active| hex(&active.sha256)),
        "author": active.map_or("", |active| &active.author),
        "created_at": active.map(|active| active.created_at),
        "dead_letters": letters.get(name).copied().unwrap_or(0),
    });
    observe(&mut members, &snapshot);
    if !may_deploy && !members["last_error"].is_null() {
        members["last_error"]["request"] = Value::Null;
    }
    hal::resource(links(function, &entry_points), members)
}

/// Adds what a version was seen to do.
fn observe(members: &mut Value, snapshot: &Snapshot) {
    members["counts"] = counts(snapshot);
    members["time_us"] = json!({
        "p50": snapshot.p50.as_secs_f64() * 1e6,
        "p99": snapshot.p99.as_secs_f64() * 1e6,
        "total_s": snapshot.busy.as_secs_f64(),
    });
    members["memory_peak"] = json!(snapshot.memory_peak);
    members["last_error"] = snapshot.last_error.as_ref().map_or(Value::Null, last_error);
}

fn links(function: Function<'_>, entry_points: &[&str]) -> Links {
    let here = hal::function(function.name());
    let mut links = Links::to_self(here.clone()).and("functions", hal::FUNCTIONS);
    if let Some(known) = function.stored() {
        links = links.and("versions", format!("{here}/versions"));
        links = links.maybe("version", known.row.active.map(|number| hal::version(&known.row.name, number)));
        for (relation, path) in [("activate", "activate"), ("disable", "disable"), ("canary", "canary")] {
            links = links.and(relation, format!("{here}/{path}"));
        }
    }
    for (relation, path) in [("try", "try"), ("logs", "logs"), ("tap", "tap"), ("dead_letters", "dead-letters")] {
        links = links.and(relation, format!("{here}/{path}"));
    }
    links.maybe("hook", entry_points.contains(&"receive").then(|| format!("/hooks/{}", function.name())))
}

fn state(function: Function<'_>, snapshot: &Snapshot) -> &'static str {
    let (failed, received) = function.running().map_or((0, 0), |version| version.stats.lately());
    if function.problem().is_some() {
        "broken"
    } else if function.running().is_none() {
        "disabled"
    } else if snapshot.resting {
        "resting"
    } else if failed as f64 > received as f64 * FAILING {
        "failing"
    } else {
        "active"
    }
}

fn last_error(error: &LastError) -> Value {
    let mut value = failure(&error.failure);
    value["at"] = json!(time(error.at));
    value["report"] = error.report.as_ref().map_or(Value::Null, report);
    let request = error.request.as_ref();
    value["request"] = request.map_or(Value::Null, |FailedRequest { method, path, body, size }| {
        json!({"method": method, "path": path, "body": body, "size": size})
    });
    value
}

/// Settings as they are written.
pub fn settings(settings: &Settings) -> Value {
    serde_json::from_str(&settings.to_json()).unwrap_or_default()
}

fn counts(snapshot: &Snapshot) -> Value {
    let failed: serde_json::Map<String, Value> =
        FailureCause::ALL.iter().zip(snapshot.failed).map(|(cause, n)| (cause.as_str().to_owned(), json!(n))).collect();
    json!({
        "received": snapshot.received,
        "kept": snapshot.kept,
        "changed": snapshot.changed,
        "dropped": snapshot.dropped,
        "expanded": snapshot.expanded,
        "made": snapshot.made,
        "skipped": snapshot.skipped,
        "requests": snapshot.requests,
        "requests_made": snapshot.requests_made,
        "requests_refused": snapshot.requests_refused,
        "requests_failed": snapshot.requests_failed,
        "failed": failed,
    })
}

/// The canary, or the one that is wanted and does not run here.
fn trial(known: &Known) -> Option<Value> {
    match (&known.canary, &known.canary_problem) {
        (Some(trial), _) => Some(canary(trial, known.running.as_deref())),
        (None, Some((plan, problem))) => {
            let mut value = serde_json::to_value(plan).unwrap_or_default();
            observe(&mut value, &Snapshot::default());
            value["problem"] = json!(problem);
            Some(value)
        }
        (None, None) => None,
    }
}

fn canary(canary: &Canary, running: Option<&Version>) -> Value {
    let mut value = serde_json::to_value(&canary.plan).unwrap_or_default();
    observe(&mut value, &canary.observed());
    if canary.plan.shadow {
        let (same, different, latest) = canary.comparison.snapshot();
        value["same"] = json!(same);
        value["different"] = json!(different);
        value["difference"] = latest.map_or(Value::Null, |latest| difference(&latest, running, &canary.version));
    }
    value
}

/// What goes on by either version, and why it failed.
fn difference(latest: &Difference, running: Option<&Version>, trial: &Version) -> Value {
    let Difference { before, active, canary } = latest;
    let goes_on = |outcome: &Outcome, on_error: OnError| match (outcome, on_error) {
        (Outcome::Fail(_), OnError::Drop | OnError::DeadLetter) => Vec::new(),
        _ => made(before, outcome),
    };
    let failure = |outcome: &Outcome| match outcome {
        Outcome::Fail(failed) => failure(failed),
        _ => Value::Null,
    };
    json!({
        "before": report(before),
        "active": goes_on(active, running.map_or_else(OnError::default, |running| running.settings.on_error)),
        "canary": goes_on(canary, trial.settings.on_error),
        "active_failure": failure(active),
        "canary_failure": failure(canary),
    })
}

/// The reports that an outcome leaves of one.
pub fn made(before: &Report<'_>, outcome: &Outcome) -> Vec<Value> {
    outcome.clone().made(before.clone()).iter().map(report).collect()
}

pub fn failure(failure: &Failure) -> Value {
    json!({"cause": failure.cause.as_str(), "message": failure.message})
}

pub fn report(report: &Report<'_>) -> Value {
    serde_json::to_value(report).unwrap_or_default()
}

pub fn time(at: std::time::SystemTime) -> Time {
    let since = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(since.as_micros() as i64)
}
