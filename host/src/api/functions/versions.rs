//! The versions of a function.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::App;
use super::super::extract::{Parameters, Segments};
use super::super::hal::{self, Hal, Links};
use super::super::paging::Paging;
use super::super::problem::{Problem, Result};
use crate::access::hex;
use crate::functions::{Known, diff};
use crate::store::functions::{Content, VersionRow};

pub async fn list(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Hal> {
    let (known, paging) = (app.registry.known(&name)?, paging.at_most(LISTED));
    let rows = app.store.versions(&name, paging.after_number()?, paging.limit()?).await?;
    let last = rows.last().map(|row| row.number.to_string());
    let here = hal::function(&name);
    let links = paging.links(&format!("{here}/versions"), rows.len(), last)?.and("function", here);
    Ok(Hal(hal::collection(links, "versions", rows.iter().map(|row| resource(&known, row)).collect())))
}

/// Versions of a page at the most: their cases are counted for it.
const LISTED: u32 = 100;
/// Bytes of cases that are compared line by line; of larger ones size and digest are told.
const CASES_COMPARED: usize = 100 << 10;

/// With which other version to compare.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct With {
    with: Option<u32>,
}

pub async fn one(
    State(app): State<App>,
    Segments((name, number)): Segments<(String, u32)>,
    Parameters(With { with }): Parameters<With>,
) -> Result<Hal> {
    let known = app.registry.known(&name)?;
    let (row, content) = find(&app, &name, number).await?;
    let mut version = resource(&known, &row);
    version["source"] = json!(source(&row, &content));
    version["cases"] = serde_json::from_str(&content.cases).unwrap_or_default();
    if let Some(other) = with {
        let (other, other_content) = find(&app, &name, other).await?;
        // Closed by nobody.
        let _place = app.comparisons.acquire().await;
        let compared = tokio::task::spawn_blocking(move || difference((&other, &other_content), (&row, &content)));
        version["diff"] = json!(compared.await.map_err(|_| Problem::busy("the versions could not be compared"))?);
    }
    Ok(Hal(version))
}

pub async fn code(State(app): State<App>, Segments((name, number)): Segments<(String, u32)>) -> Result<Response> {
    let (row, Content { code, .. }) = find(&app, &name, number).await?;
    let kind = if row.language == "lua" { "text/x-lua; charset=utf-8" } else { "application/wasm" };
    Ok(([(header::CONTENT_TYPE, kind)], code).into_response())
}

/// A version with its content.
pub async fn find(app: &App, name: &str, number: u32) -> Result<(VersionRow, Content)> {
    let missing = || Problem::not_found(format!("the function {name:?} has no version {number}"));
    app.store.version(name, number).await?.ok_or_else(missing)
}

fn source(row: &VersionRow, content: &Content) -> Option<String> {
    (row.language == "lua").then(|| String::from_utf8_lossy(&content.code).into_owned())
}

fn resource(known: &Known, row: &VersionRow) -> Value {
    let here = hal::version(&row.function, row.number);
    let links =
        Links::to_self(here.clone()).and("function", hal::function(&row.function)).and("code", format!("{here}/code"));
    let members = json!({
        "function": row.function,
        "version": row.number,
        "language": row.language,
        "sha256": hex(&row.sha256),
        "size": row.size,
        "author": row.author,
        "created_at": row.created_at,
        "settings": serde_json::from_str::<Value>(&row.settings).unwrap_or_default(),
        "cases": row.cases,
        "active": known.row.active == Some(row.number),
        "canary": known.canary.as_ref().is_some_and(|canary| canary.plan.version == row.number),
    });
    hal::resource(links, members)
}

/// What differs from one version to another: source or digest, settings, cases.
fn difference(from: (&VersionRow, &Content), to: (&VersionRow, &Content)) -> String {
    let code = |(row, content): (&VersionRow, &Content)| {
        source(row, content)
            .unwrap_or_else(|| format!("{} component, {} bytes, sha256 {}\n", row.language, row.size, hex(&row.sha256)))
    };
    let pretty = |json: &str| {
        let value: Value = serde_json::from_str(json).unwrap_or_default();
        serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
    };
    let cases = |json: &str| match json.len() {
        0..=CASES_COMPARED => pretty(json),
        size => format!("cases, {size} bytes, sha256 {}\n", hex(&Sha256::digest(json))),
    };
    let parts = [
        diff::unified("code", &code(from), &code(to)),
        diff::unified("settings", &pretty(&from.0.settings), &pretty(&to.0.settings)),
        diff::unified("cases", &cases(&from.1.cases), &cases(&to.1.cases)),
    ];
    parts.concat()
}
