//! A whole timeline in columns: what the chart draws.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use upto_wire::{Status, Time};

use super::extract::{Parameters, Segments};
use super::hal::{self, Links};
use super::problem::{Problem, Result};
use super::{App, timelines};
use crate::clock;
use crate::event::EventState;
use crate::store::TimelineRow;
use crate::timeline::{self, Grouping, Row, RowKind};

/// Events of a timeline that can be drawn. More are refused: the chart would hide them.
const MAX_EVENTS: u32 = 200_000;

/// How to group the rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    group: Option<String>,
}

pub async fn bars(
    State(app): State<App>,
    Segments((context, which)): Segments<(String, String)>,
    Parameters(view): Parameters<View>,
    request: HeaderMap,
) -> Result<Response> {
    let grouping = match view.group.as_deref() {
        None | Some("step") => Grouping::Step,
        Some("host") => Grouping::Host,
        Some(other) => return Err(Problem::bad_request(format!("group is {other:?}; use step or host"))),
    };
    let row = timelines::find(&app, &context, &which).await?;
    let version = timelines::version(&row);
    if version.is_known(&request) {
        return Ok(version.respond(&request, || Value::Null));
    }
    if row.events > u64::from(MAX_EVENTS) {
        let detail =
            format!("the timeline has {} events; at most {MAX_EVENTS} can be drawn, use its events", row.events);
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too many events", detail));
    }
    // Closed by nobody.
    let _place = app.charts.acquire().await;
    let events = app.store.events(&row.key, None, MAX_EVENTS).await?;
    let laid_out = tokio::task::spawn_blocking(move || {
        let rows = timeline::rows(&events, grouping, row.liveness(clock::now()));
        resource(&row, grouping, &rows)
    });
    let chart = laid_out.await.map_err(|_| Problem::busy("the chart could not be laid out"))?;
    Ok(version.respond(&request, || chart))
}

fn resource(row: &TimelineRow, grouping: Grouping, rows: &[Row]) -> Value {
    let now = clock::now();
    let group = if grouping == Grouping::Host { "host" } else { "step" };
    let here = hal::timeline(&row.key);
    let links = Links::to_self(format!("{here}/bars?group={group}"))
        .and("timeline", here.clone())
        .and("stream", format!("{here}/stream"))
        .template("event", format!("{here}/events/{{name}}{{?host}}"));
    let origin = row.first.unwrap_or(row.created_at);
    let members = json!({
        "context": row.key.context,
        "number": row.key.number,
        "name": row.name,
        "state": row.state(now).as_str(),
        "revision": row.revision,
        "group": group,
        "origin": origin,
        "now": now,
        "duration_s": row.last.map(|last| last.seconds_since(origin)),
        "hosts": hosts(rows),
        "rows": columns(rows, origin),
    });
    hal::resource(links, members)
}

/// The hosts in byte order; rows tell theirs by index.
fn hosts(rows: &[Row]) -> Vec<&str> {
    let mut hosts: Vec<&str> = rows.iter().filter_map(|row| row.host.as_deref()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

fn columns(rows: &[Row], origin: Time) -> Value {
    let hosts = hosts(rows);
    let host =
        |row: &Row| row.host.as_deref().and_then(|host| hosts.binary_search(&host).ok()).map_or(-1, |at| at as i64);
    let seconds = |time: Option<Time>| json!(time.map(|time| time.seconds_since(origin)));
    let column = |value: &dyn Fn(&Row) -> Value| Value::Array(rows.iter().map(value).collect());
    json!({
        "label": column(&|row| json!(row.label)),
        "name": column(&|row| json!(row.name)),
        "depth": column(&|row| json!(row.depth)),
        "parent": column(&|row| json!(row.parent.map_or(-1, |parent| parent as i64))),
        "host": column(&|row| json!(host(row))),
        "kind": column(&|row| json!(kind_number(row.kind))),
        "state": column(&|row| json!(state_number(row.state))),
        "status": column(&|row| json!(status_number(row.status))),
        "start_s": column(&|row| seconds(row.start)),
        "restart_s": column(&|row| seconds(row.restart)),
        "end_s": column(&|row| seconds(row.end)),
        "leaves": column(&|row| json!(row.leaves)),
    })
}

fn kind_number(kind: RowKind) -> u8 {
    match kind {
        RowKind::Group => 0,
        RowKind::Span => 1,
        RowKind::Point => 2,
    }
}

fn state_number(state: EventState) -> u8 {
    match state {
        EventState::Waiting => 0,
        EventState::Running => 1,
        EventState::Ended => 2,
        EventState::Failed => 3,
        EventState::Unfinished => 4,
    }
}

/// 0 for none, else from 1 in the order of [`Status::ALL`].
fn status_number(status: Option<Status>) -> u8 {
    status.map_or(0, |status| status as u8 + 1)
}
