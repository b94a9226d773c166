//! Webhooks: requests in foreign formats, of which a function makes reports.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::App;
use super::body::read_as_sent;
use super::events::{answer, submit};
use super::extract::{Segments, Source};
use super::problem::{Problem, Result};
use crate::clock;
use crate::ingest::foreign;
use crate::ingest::http::MAX_BODY;
use crate::transform::{Receiver, Rejection, Request};

/// Functions that receive at the same time.
pub const RECEIVERS: usize = 4;
/// How long a request waits for its turn, as most providers send nothing twice; then it is answered with 503.
const PLACE_WAIT: Duration = Duration::from_secs(5);

/// Where the function's name alone is the path.
pub async fn receive_root(
    state: State<App>,
    source: Source,
    Segments(function): Segments<String>,
    request: HttpRequest<Body>,
) -> Result<Response> {
    receive(state, source, Segments((function, String::new())), request).await
}

/// Refuses what would do as GET does: a HEAD changes nothing, and a function that receives may.
pub async fn head() -> Response {
    let detail = "HEAD is not done here; use GET or POST";
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", detail);
    ([(header::ALLOW, "GET, POST")], problem).into_response()
}

/// Runs the function and takes its reports; answers once they are committed.
pub async fn receive(
    State(app): State<App>,
    Source(source): Source,
    Segments((function, rest)): Segments<(String, String)>,
    request: HttpRequest<Body>,
) -> Result<Response> {
    let live = app.registry.live().borrow().clone();
    let mut receiver = Receiver::find(&live, &function).ok_or_else(|| {
        Problem::not_found(format!("there is no function {function:?} with a \"receive\" (docs/functions.md)"))
    })?;
    let (parts, body) = request.into_parts();
    // A function that checks a signature needs the bytes that were signed, compressed or not.
    let (body, room) = read_as_sent(&app, body, MAX_BODY).await?;
    let request = foreign_request(&parts, rest, body, source)?;
    let received = request.received;
    let place = tokio::time::timeout(PLACE_WAIT, app.receivers.clone().acquire_owned()).await;
    let place = place.map_err(|_| Problem::busy("too many webhooks are under way"))?;
    let run = move || {
        // Kept until the function has ended, even where the sender no longer waits.
        let _place = place;
        receiver.receive(&request)
    };
    let ended = tokio::task::spawn_blocking(run).await;
    let made = ended.map_err(|_| Problem::busy("the server is stopping; send it again"))?;
    // From here to the queue nothing waits: a sender that breaks off leaves nothing that is counted and not taken.
    let reports = foreign::take(made, received, &app.telemetry).map_err(problem)?;
    let accepted = reports.len();
    if accepted > 0 {
        submit(&app, reports, room).await?;
    }
    Ok(answer(accepted, &[]))
}

fn foreign_request(parts: &Parts, rest: String, body: Bytes, source: IpAddr) -> Result<Request<'static>> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(query) = query.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    Ok(Request {
        method: parts.method.to_string().into(),
        path: format!("/{rest}").into(),
        query,
        headers: headers(&parts.headers, source),
        body: Vec::from(body).into(),
        received: clock::now(),
    })
}

/// By name; the values of one that is there several times are joined, as HTTP has it.
fn headers(given: &HeaderMap, source: IpAddr) -> Vec<(String, String)> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in given {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|text| {
                text.push_str(", ");
                text.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    headers.insert("source".to_owned(), source.to_string());
    headers.into_iter().collect()
}

fn problem(rejection: Rejection) -> Problem {
    match rejection {
        Rejection::Refused { status, message } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            Problem::new(status, "refused by the function", message)
        }
        Rejection::Failed(failure) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the function failed", failure.message)
        }
    }
}
