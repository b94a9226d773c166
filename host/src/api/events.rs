//! Events of a timeline, and the reports that make them.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::block_in_place;
use upto_wire::WireError;

use super::extract::{Parameters, Segments, Source};
use super::hal::{self, Links};
use super::paging::{Paging, event_cursor};
use super::problem::{Problem, Result};
use super::{App, body, time, timelines};
use crate::batch::{Ack, Refused, Stored};
use crate::clock;
use crate::event::{Event, EventKey, FunctionSet};
use crate::ingest::http::{Admitted, Encoding, MAX_BODY, decode};
use crate::ingest::{Job, http};
use crate::store::{TimelineKey, TimelineRow};

/// How long a request waits for the store to commit.
const COMMIT_WAIT: Duration = Duration::from_secs(5);
/// Bytes of a body of reports at the most.
const BODY: body::Limit = body::Limit { sent: MAX_BODY, unpacked: 16 << 20, advice: body::IN_SEVERAL };
/// A body of so many bytes takes long enough to decode that the thread's other requests go elsewhere in the meantime.
const LARGE: usize = 256 << 10;

/// Takes reports; answers once they are committed.
pub async fn report(
    State(app): State<App>,
    Source(source): Source,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let encoding = encoding(&headers)?;
    let (body, room) = body::read(&app, &headers, body, BODY).await?;
    let is_large = body.len() >= LARGE;
    let decode = || decode(body, encoding, source, clock::now(), &app.telemetry);
    let http::Body { reports, refused } = if is_large { block_in_place(decode) } else { decode() };
    let accepted = reports.count();
    if accepted > 0 {
        submit(&app, reports, room).await?;
    }
    Ok(answer(accepted, &refused))
}

pub fn encoding(headers: &HeaderMap) -> Result<Encoding> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.and_then(Encoding::of).ok_or_else(|| {
        let given = given.unwrap_or("missing");
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "wrong content type",
            format!("Content-Type is {given}; use application/json, application/x-ndjson or application/msgpack"),
        )
    })
}

/// Puts reports in the lane and waits until they are stored. Returns the timeline that was made last for them, if any.
pub async fn submit(
    app: &App,
    reports: impl Into<Admitted>,
    room: OwnedSemaphorePermit,
) -> Result<Option<TimelineKey>> {
    let reports = reports.into();
    let count = reports.count() as u64;
    Ok(hand_in(app, count, |ack| Job::Reports { reports, made_by: FunctionSet::default(), ack, room }).await?.made)
}

/// Puts a job of so many reports in the lane and waits until they are stored.
pub async fn hand_in(app: &App, count: u64, job: impl FnOnce(Ack) -> Job) -> Result<Stored> {
    let (ack, receipt) = Ack::new();
    if app.queue.try_send(job(ack)).is_err() {
        app.telemetry.queue_drops.add(count);
        return Err(Problem::busy("the queue is full; nothing of this request was taken"));
    }
    match tokio::time::timeout(COMMIT_WAIT, receipt).await {
        Ok(Ok(Ok(stored))) => Ok(stored),
        Ok(Ok(Err(Refused::ByStore(reason)))) => {
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the store refuses it", reason))
        }
        Ok(_) => Err(Problem::busy("the server is stopping; send it again")),
        Err(_) => {
            Err(Problem::busy("the store is away; it is not certain that these reports are stored, send them again"))
        }
    }
}

/// What became of each report. It is an error only where not one was taken.
pub fn answer(accepted: usize, refused: &[(usize, WireError)]) -> Response {
    let rejected: Vec<Value> = refused
        .iter()
        .map(|(index, error)| json!({"index": index, "title": error.title(), "detail": error.to_string()}))
        .collect();
    match (accepted, refused) {
        (0, [(_, first), others @ ..]) => {
            let detail = match others.len() {
                0 => first.to_string(),
                more => format!("{first} (and {more} more, see rejected)"),
            };
            Problem::new(StatusCode::BAD_REQUEST, first.title(), detail)
                .with("accepted", json!(0))
                .with("rejected", Value::Array(rejected))
                .into_response()
        }
        _ => axum::Json(json!({"accepted": accepted, "rejected": rejected})).into_response(),
    }
}

pub async fn list(
    State(app): State<App>,
    Segments((context, which)): Segments<(String, String)>,
    Parameters(paging): Parameters<Paging>,
    request: HeaderMap,
) -> Result<Response> {
    let row = timelines::find(&app, &context, &which).await?;
    let (limit, version) = (paging.limit()?, timelines::version(&row));
    let here = hal::timeline(&row.key);
    let events = match version.is_known(&request) {
        true => Vec::new(),
        false => app.store.events(&row.key, paging.after_event().as_ref(), limit).await?,
    };
    let last = events.last().map(|(key, _)| event_cursor(key));
    let links = paging.links(&format!("{here}/events"), events.len(), last)?.and("timeline", here);
    Ok(version.respond(&request, || {
        let items = events.iter().map(|(key, event)| resource(&row, key, event)).collect();
        hal::collection(links, "events", items)
    }))
}

/// Which of the events of a name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    #[serde(default)]
    host: String,
}

pub async fn one(
    State(app): State<App>,
    Segments((context, which, name)): Segments<(String, String, String)>,
    Parameters(Host { host }): Parameters<Host>,
    request: HeaderMap,
) -> Result<Response> {
    let row = timelines::find(&app, &context, &which).await?;
    let key = EventKey { name, host };
    let event = app.store.event(&row.key, &key).await?.ok_or_else(|| {
        let EventKey { name, host } = &key;
        Problem::not_found(format!("the timeline has no event {name:?} on host {host:?}"))
    })?;
    Ok(timelines::version(&row).respond(&request, || resource(&row, &key, &event)))
}

fn resource(row: &TimelineRow, key: &EventKey, event: &Event) -> Value {
    let here = hal::timeline(&row.key);
    let links = Links::to_self(hal::event(&here, key)).and("timeline", here);
    let members = json!({
        "name": key.name,
        "host": key.host,
        "kind": if event.is_point() { "point" } else { "span" },
        "state": event.state(row.liveness(clock::now())).as_str(),
        "status": event.status().map(upto_wire::Status::as_str),
        "started_at": time(event.started_at()),
        "restarted_at": time(event.restarted_at()),
        "ended_at": time(event.ended_at()),
        "duration_s": event.duration_s(),
        "labels": event.labels(),
        "functions": event.functions.iter().collect::<Vec<_>>(),
    });
    hal::resource(links, members)
}
