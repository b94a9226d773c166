//! Dead letters: reports on which a function failed and that were kept.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use upto_wire::Report;

use super::super::extract::{Parameters, Segments};
use super::super::hal::{self, Hal, Links, encode};
use super::super::paging::Paging;
use super::super::problem::Result;
use super::super::{App, body, events};
use crate::functions::cases;
use crate::ingest::Job;
use crate::store::functions::DeadLetter;

/// Dead letters that are replayed at a time.
const AT_A_TIME: u32 = 500;
/// Bytes of a body that names letters.
const MAX_IDS: usize = 1 << 20;

pub async fn list(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Hal> {
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

/// Which letters; all where none is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    ids: Option<Vec<String>>,
}

/// Gives letters another chance: they pass the function as it is now and what comes after it. A letter is deleted once
/// its report is stored, or is a letter anew.
pub async fn replay(
    State(app): State<App>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Hal> {
    let Ids { ids } = body::json(&app, &headers, body, MAX_IDS).await?;
    let wanted = |letter: &DeadLetter| ids.as_ref().is_none_or(|ids| ids.contains(&letter.id));
    let order = order(&app, &name);
    let before = app.telemetry.dead_letters.get();
    let (mut after, mut replayed): (Option<String>, u64) = (None, 0);
    // Those that fail again get ids of now: only what is there at the beginning is gone through.
    let end = format!("{:016x}", crate::clock::now().micros());
    loop {
        let page = app.store.dead_letters(&name, after.as_deref(), AT_A_TIME).await?;
        let Some(last) = page.last().map(|letter| letter.id.clone()) else { break };
        let letters: Vec<&DeadLetter> = page.iter().filter(|letter| letter.id < end && wanted(letter)).collect();
        let reports: Vec<Report<'static>> = letters.iter().filter_map(|letter| parse(letter)).collect();
        replayed += reports.len() as u64;
        if !reports.is_empty() {
            let place = (order, name.clone());
            events::hand_in(&app, reports.len() as u64, |ack| Job::Replay { reports, place, ack }).await?;
            let ids: Vec<String> = letters.iter().map(|letter| letter.id.clone()).collect();
            app.store.delete_dead_letters(&name, Some(&ids)).await?;
        }
        if page.len() < AT_A_TIME as usize || last >= end {
            break;
        }
        after = Some(last);
    }
    let failed_again = (app.telemetry.dead_letters.get() - before).min(replayed);
    Ok(Hal(json!({"replayed": replayed, "failed_again": failed_again})))
}

/// Where the function stands now; where it stood by its name if it is gone.
fn order(app: &App, name: &str) -> i32 {
    let live = app.registry.live();
    let live = live.borrow();
    let found = live.iter().find(|live| live.version.function() == name);
    found.map_or_else(|| crate::transform::Settings::of(name).order, |live| live.version.settings.order)
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
    let ids = id.map(|id| vec![id]);
    app.store.delete_dead_letters(&name, ids.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
