//! Dead letters: reports on which a function failed and that were kept.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use upto_wire::Report;

use super::super::extract::{Parameters, Segments};
use super::super::hal::{self, Hal, Links, encode};
use super::super::paging::Paging;
use super::super::problem::{Problem, Result};
use super::super::{App, body, events};
use crate::functions::cases;
use crate::ingest::Job;
use crate::store::functions::DeadLetter;
use crate::transform::Settings;

/// Dead letters that are replayed at a time.
const AT_A_TIME: u32 = 500;
/// Bytes of a body that names letters.
const MAX_IDS: usize = 1 << 20;

pub async fn list(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Hal> {
    expect(&app, &name).await?;
    let letters = app.store.dead_letters(&name, paging.after(), paging.limit()?).await?;
    let here = format!("{}/dead-letters", hal::function(&name));
    let last = letters.last().map(|letter| letter.id.clone());
    let links = paging.links(&here, letters.len(), last)?.and("function", hal::function(&name));
    let links = links.and("replay", format!("{here}/replay"));
    Ok(Hal(hal::collection(links, "dead_letters", letters.iter().map(|letter| resource(&here, letter)).collect())))
}

fn resource(here: &str, letter: &DeadLetter) -> Value {
    let members = json!({
        "id": letter.id,
        "function": letter.function,
        "version": letter.version,
        "cause": letter.cause,
        "reason": letter.reason,
        "report": serde_json::from_str::<Value>(&letter.report).unwrap_or_default(),
        "at": letter.at,
    });
    hal::resource(Links::to_self(format!("{here}?id={}", encode(&letter.id))), members)
}

/// Refuses the name of a function that is not there, unless it left letters, as one from a folder does.
async fn expect(app: &App, name: &str) -> Result<()> {
    match super::resource::expect(app, name) {
        Err(problem) if app.store.dead_letters(name, None, 1).await?.is_empty() => Err(problem),
        _ => Ok(()),
    }
}

/// Which letters; all where none is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    ids: Option<HashSet<String>>,
}

/// The functions whose letters are being replayed on this instance. Each letter is replayed by one request at a time.
#[derive(Debug, Clone, Default)]
pub struct Replays(Arc<Mutex<HashSet<String>>>);

impl Replays {
    /// Begins a replay of a function's letters, which ends when what is returned is dropped; `None` while there is one.
    fn begin(&self, function: &str) -> Option<Replaying> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let replaying = || Replaying { replays: self.clone(), function: function.to_owned() };
        under_way.insert(function.to_owned()).then(replaying)
    }
}

struct Replaying {
    replays: Replays,
    function: String,
}

impl Drop for Replaying {
    fn drop(&mut self) {
        self.replays.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.function);
    }
}

/// Gives letters another chance: they pass the function as it is now and what comes after it. A letter is deleted once
/// its report is stored, or is a letter anew.
pub async fn replay(
    State(app): State<App>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Hal> {
    expect(&app, &name).await?;
    let Ids { ids } = body::json(&app, &headers, body, MAX_IDS).await?;
    let wanted = |letter: &DeadLetter| ids.as_ref().is_none_or(|ids| ids.contains(&letter.id));
    let under_way = || {
        let detail = format!("the dead letters of {name:?} are being replayed; wait until that has ended");
        Problem::new(StatusCode::CONFLICT, "not as things are", detail)
    };
    let _replaying = app.replays.begin(&name).ok_or_else(under_way)?;
    let order = order(&app, &name).await?;
    let (mut after, mut replayed, mut failed_again): (Option<String>, u64, u64) = (None, 0, 0);
    // Those that fail again get ids of now: only what is there at the beginning is gone through.
    let end = format!("{:016x}", crate::clock::now().micros());
    loop {
        let page = app.store.dead_letters(&name, after.as_deref(), AT_A_TIME).await?;
        let Some(last) = page.last().map(|letter| letter.id.clone()) else { break };
        let letters = page.iter().filter(|letter| letter.id < end && wanted(letter));
        let readable = letters.filter_map(|letter| Some((letter.id.clone(), parse(letter)?)));
        let (ids, reports): (Vec<String>, Vec<Report<'static>>) = readable.unzip();
        if !reports.is_empty() {
            let (count, place) = (reports.len() as u64, (order, name.clone()));
            app.telemetry.replayed.add(count);
            let stored = events::hand_in(&app, count, |ack| Job::Replay { reports, place, ack }).await?;
            app.store.delete_dead_letters(&name, Some(&ids)).await?;
            replayed += count;
            failed_again += stored.dead_letters;
        }
        if page.len() < AT_A_TIME as usize || last >= end {
            break;
        }
        after = Some(last);
    }
    Ok(Hal(json!({"replayed": replayed, "failed_again": failed_again})))
}

/// Where the function stands: the version that runs, else its newest; by its name where there is none, as in a folder.
async fn order(app: &App, name: &str) -> Result<i32> {
    let live = app.registry.live().borrow().clone();
    if let Some(live) = live.iter().find(|live| live.version.function() == name) {
        return Ok(live.version.settings.order);
    }
    let newest = app.store.versions(name, None, 1).await?.into_iter().next();
    let settings = newest.and_then(|row| Settings::parse(name, &row.settings).ok());
    Ok(settings.unwrap_or_else(|| Settings::of(name)).order)
}

fn parse(letter: &DeadLetter) -> Option<Report<'static>> {
    let report = cases::report(&letter.report).map(Report::into_owned);
    report.inspect_err(|error| tracing::error!(id = letter.id, error, "a dead letter holds no report")).ok()
}

/// Which letter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    id: Option<String>,
}

pub async fn delete(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Parameters(Which { id }): Parameters<Which>,
) -> Result<StatusCode> {
    expect(&app, &name).await?;
    let ids = id.map(|id| vec![id]);
    app.store.delete_dead_letters(&name, ids.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_a_function_are_replayed_by_one_request_at_a_time() {
        let replays = Replays::default();
        let first = replays.begin("f");
        assert!(first.is_some() && replays.begin("f").is_none() && replays.begin("g").is_some());
        drop(first);
        assert!(replays.begin("f").is_some());
    }
}
