//! Timelines of a context.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use upto_wire::{Kind, Labels, Report, Time};

use super::body::{expect_json, read};
use super::events::submit;
use super::extract::{Parameters, Segments, Source};
use super::hal::{self, Hal, Links, Version};
use super::paging::Paging;
use super::problem::{Problem, Result};
use super::{App, DELETED_AT_ONCE, contexts, time};
use crate::clock;
use crate::ingest::http::MAX_BODY;
use crate::ingest::lane::admit;
use crate::store::{TimelineKey, TimelineRef, TimelineRow};

pub async fn list(
    State(app): State<App>,
    Segments(segment): Segments<String>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Hal> {
    let context = contexts::find(&app, hal::context_of(&segment)).await?.name;
    let rows = app.store.timelines(&context, paging.after_number()?, paging.limit()?).await?;
    let last = rows.last().map(|row| row.key.number.to_string());
    let links = paging.links(&hal::timelines(&context), rows.len(), last)?.and("context", hal::context(&context));
    Ok(Hal(hal::collection(links, "timelines", rows.iter().map(resource).collect())))
}

pub async fn one(
    State(app): State<App>,
    Segments((context, which)): Segments<(String, String)>,
    request: HeaderMap,
) -> Result<Response> {
    let row = find(&app, &context, &which).await?;
    Ok(version(&row).respond(&request, || resource(&row)))
}

/// What may be said of a timeline when it is made.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewTimeline {
    name: Option<String>,
    labels: std::collections::BTreeMap<String, String>,
    time: Option<String>,
}

/// Makes a timeline, as a new-timeline report does. One with a name can be asked for again without harm.
pub async fn make(
    State(app): State<App>,
    Segments(segment): Segments<String>,
    Source(source): Source,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    expect_json(&headers)?;
    let (body, room) = read(&app, &headers, body, MAX_BODY).await?;
    let new: NewTimeline = match body.trim_ascii() {
        b"" => NewTimeline::default(),
        body => serde_json::from_slice(body)
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad timeline", error.to_string()))?,
    };
    let refused = |error: upto_wire::WireError| Problem::new(StatusCode::BAD_REQUEST, error.title(), error.to_string());
    let mut report = Report::new(Kind::New, hal::context_of(&segment), "");
    report.timeline = new.name.as_deref().map(Into::into);
    report.labels = new.labels.into_iter().collect::<Labels<'_>>();
    report.time = new.time.as_deref().map(Time::parse).transpose().map_err(refused)?;
    let report = admit(report, source, clock::now()).map_err(refused)?.into_owned();
    app.telemetry.received.add(1);
    let made = submit(&app, vec![report], room).await?;
    let key = made.ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "dropped by a function", "a function dropped the new timeline")
    })?;
    let row = app.store.timeline(&key.context, &TimelineRef::Number(key.number)).await?;
    let row = row.ok_or_else(|| Problem::not_found("the timeline is gone already"))?;
    let location = [(header::LOCATION, hal::timeline(&key))];
    Ok((StatusCode::CREATED, location, Hal(resource(&row))).into_response())
}

/// Deletes a timeline with its events. Who goes away meanwhile leaves some of it, and may ask again.
pub async fn delete(
    State(app): State<App>,
    Segments((context, which)): Segments<(String, String)>,
) -> Result<StatusCode> {
    let key = find(&app, &context, &which).await?.key;
    while !app.store.delete_timeline(&key, DELETED_AT_ONCE).await? {}
    tracing::info!(context = key.context, timeline = key.number, "a timeline was deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// The timeline that two path segments name.
pub async fn find(app: &App, context: &str, which: &str) -> Result<TimelineRow> {
    let context = hal::context_of(context);
    let row = app.store.timeline(context, &hal::timeline_of(which)).await?;
    row.ok_or_else(|| Problem::not_found(format!("the context {context:?} has no timeline {which:?}")))
}

/// What changes whenever the timeline or anything in it does; its state also changes with time.
pub fn version(row: &TimelineRow) -> Version {
    let state = row.state(clock::now()).as_str();
    let superseded = u8::from(row.superseded);
    // One that was deleted and came back counts its revisions from the beginning again.
    let made = row.created_at.micros();
    Version::of(format_args!("{}-{made}-{}-{state}-{superseded}", row.key.number, row.revision))
}

/// A timeline as the API shows it.
pub fn resource(row: &TimelineRow) -> Value {
    let here = hal::timeline(&row.key);
    let neighbour = |number: u32| hal::timeline(&TimelineKey { number, ..row.key.clone() });
    let links = Links::to_self(here.clone())
        .and("context", hal::context(&row.key.context))
        .and("events", format!("{here}/events"))
        .and("bars", format!("{here}/bars"))
        .and("stream", format!("{here}/stream"))
        .maybe("previous", (row.key.number > 1).then(|| neighbour(row.key.number - 1)))
        .maybe("next", row.superseded.then(|| neighbour(row.key.number + 1)));
    let duration = row.first.zip(row.last).map(|(first, last)| last.seconds_since(first));
    let members = json!({
        "context": row.key.context,
        "number": row.key.number,
        "name": row.name,
        "state": row.state(clock::now()).as_str(),
        "labels": row.labels.labels(),
        "created_at": row.created_at,
        "first": time(row.first),
        "last": time(row.last),
        "duration_s": duration,
        "events": row.events,
        "running": row.running,
        "failed": row.failed,
        "revision": row.revision,
    });
    hal::resource(links, members)
}
