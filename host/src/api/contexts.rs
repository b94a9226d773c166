//! Contexts.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::extract::{Parameters, Segments};
use super::hal::{self, Hal, Links};
use super::paging::Paging;
use super::problem::{Problem, Result};
use super::timelines;
use super::{App, DELETED_AT_ONCE};
use crate::event::ABANDON_AFTER_S;
use crate::store::{ContextRow, TimelineRef};

pub async fn list(State(app): State<App>, Parameters(paging): Parameters<Paging>) -> Result<Hal> {
    let rows = app.store.contexts(paging.after(), paging.limit()?).await?;
    let last = rows.last().map(|row| row.name.clone());
    let links = paging.links(hal::CONTEXTS, rows.len(), last)?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(resource(&app, row).await?);
    }
    Ok(Hal(hal::collection(links, "contexts", items)))
}

pub async fn one(State(app): State<App>, Segments(segment): Segments<String>) -> Result<Hal> {
    let row = find(&app, hal::context_of(&segment)).await?;
    Ok(Hal(resource(&app, row).await?))
}

/// Deletes a context with all that is in it. Who goes away meanwhile leaves some of it, and may ask again.
pub async fn delete(State(app): State<App>, Segments(segment): Segments<String>) -> Result<StatusCode> {
    let context = find(&app, hal::context_of(&segment)).await?.name;
    while !app.store.delete_context(&context, DELETED_AT_ONCE).await? {}
    tracing::info!(context, "a context was deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// The context of that name.
pub async fn find(app: &App, name: &str) -> Result<ContextRow> {
    let missing = || Problem::not_found(format!("there is no context {name:?}; its first report makes it"));
    app.store.context(name).await?.ok_or_else(missing)
}

async fn resource(app: &App, row: ContextRow) -> Result<Value> {
    let latest = app.store.timeline(&row.name, &TimelineRef::Latest).await?;
    let links = Links::to_self(hal::context(&row.name))
        .and("contexts", hal::CONTEXTS)
        .and("timelines", hal::timelines(&row.name))
        .maybe("latest", latest.as_ref().map(|latest| hal::timeline(&latest.key)));
    let mut members = json!({"name": row.name, "created_at": row.created_at, "timelines": row.latest,
        "abandon_after_s": row.abandon_after_s.unwrap_or(ABANDON_AFTER_S)});
    if let Some(latest) = latest {
        members["_embedded"] = json!({"latest": timelines::resource(&latest)});
    }
    Ok(hal::resource(links, members))
}
