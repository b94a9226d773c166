//! Webhooks: requests in foreign formats, of which a function makes reports.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request as HttpRequest, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::App;
use super::body::read_as_sent;
use super::events::{answer, hand_in};
use super::extract::{Segments, Source};
use super::problem::{Problem, Result};
use crate::clock;
use crate::ingest::http::MAX_BODY;
use crate::ingest::{Job, foreign};
use crate::transform::{LiveSet, Receiver, Rejection, Request, breaker};

/// Functions that receive at the same time.
pub const RECEIVERS: usize = 4;
/// How long a request waits for its turn, as most providers send nothing twice; then it is answered with 503.
const PLACE_WAIT: Duration = Duration::from_secs(5);

/// Instances that remember and wait for their next request, of all functions together; the one that waits longest goes.
const IDLE: usize = 16;

/// The places of functions that receive, and the instances of those with a memory between two requests.
pub struct Receivers {
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Receiver>>,
}

impl Default for Receivers {
    fn default() -> Self {
        Receivers { places: Arc::new(Semaphore::new(RECEIVERS)), idle: Mutex::default() }
    }
}

impl Receivers {
    /// An idle one of the same version, which may remember the requests before, or this one.
    fn idle_or(&self, new: Receiver) -> Receiver {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().rposition(|one| one.is_of_the_version_of(&new));
        at.map_or(new, |at| idle.remove(at))
    }

    /// Keeps one that remembers for the next request, and none of a version that is no longer live.
    fn keep(&self, receiver: Receiver, live: &LiveSet) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if receiver.remembers() {
            idle.push(receiver);
        }
        idle.retain(|one| one.is_live(live));
        let surplus = idle.len().saturating_sub(IDLE);
        idle.drain(..surplus);
    }
}

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
    let live = app.registry.live();
    let find = || {
        let missing = || format!("there is no function {function:?} with a \"receive\" (docs/functions.md)");
        Receiver::find(&live.borrow(), &function).ok_or_else(|| Problem::not_found(missing()))
    };
    find()?;
    let (parts, body) = request.into_parts();
    // A function that checks a signature needs the bytes that were signed, compressed or not.
    let (body, room) = read_as_sent(&app, body, MAX_BODY).await?;
    let request = foreign_request(&parts, rest, body, source)?;
    let received = request.received;
    let receivers = app.receivers.clone();
    let place = tokio::time::timeout(PLACE_WAIT, receivers.places.clone().acquire_owned()).await;
    let place = place.map_err(|_| Problem::busy("too many webhooks are under way"))?;
    // Another version may have become live meanwhile.
    let receiver = find()?;
    let made_by = receiver.made_by().clone();
    let run = move || {
        // Kept until the function has ended, even where the sender no longer waits.
        let _place = place;
        let mut receiver = receivers.idle_or(receiver);
        let made = receiver.receive(&request);
        receivers.keep(receiver, &live.borrow());
        made
    };
    let ended = tokio::task::spawn_blocking(run).await;
    let made = ended.map_err(|_| Problem::busy("the server is stopping; send it again"))?;
    // From here to the queue nothing waits: a sender that breaks off leaves nothing that is counted and not taken.
    let reports = foreign::take(made, received, &app.telemetry).map_err(problem)?;
    let accepted = reports.len();
    if accepted > 0 {
        let reports = reports.into();
        hand_in(&app, accepted as u64, |ack| Job::Reports { reports, made_by, ack, room }).await?;
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
        Rejection::Resting => {
            Problem::busy(rejection.to_string()).header(header::RETRY_AFTER, HeaderValue::from(breaker::REST.as_secs()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::compile::{self, Surroundings};
    use crate::transform::live::in_order;
    use crate::transform::log::Log;
    use crate::transform::{Language, Live, Settings, Stats, Version};

    /// A function that counts its requests, where it remembers them.
    fn counter(name: &str, memory: bool, stats: &Stats) -> Live {
        let source =
            b"local n = 0 function receive() n += 1 return { context = 'c', type = 'point', name = 'n' .. n } end";
        let log = Arc::new(Log::new(name, 1, Arc::default()));
        let (tables, secrets) = Default::default();
        let surroundings = Surroundings { tables, secrets, log, memory, large_components: false };
        let program = compile::compile(name, Language::Lua, source, surroundings).expect("it compiles");
        let settings = Settings { memory, ..Settings::of(name) };
        Version::new(1, program, settings, stats).into()
    }

    /// What it counts at its next request.
    fn next(receivers: &Receivers, live: &LiveSet, name: &str) -> String {
        let mut receiver = receivers.idle_or(Receiver::find(live, name).expect("it is live"));
        let request = Request {
            method: "POST".into(),
            path: "/".into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: (&b""[..]).into(),
            received: clock::now(),
        };
        let made = receiver.receive(&request).expect("it counts");
        receivers.keep(receiver, live);
        made[0].name.to_string()
    }

    #[test]
    fn who_remembers_is_kept_and_others_push_nobody_out() {
        let (receivers, stats) = (Receivers::default(), Stats::default());
        let forgetful: Vec<String> = (0..IDLE + 1).map(|i| format!("forgetful-{i}")).collect();
        let mut all: Vec<Live> = forgetful.iter().map(|name| counter(name, false, &stats)).collect();
        all.extend([counter("a", true, &stats), counter("b", true, &stats)]);
        let live = in_order(all).0;
        assert_eq!([next(&receivers, &live, "a"), next(&receivers, &live, "b")], ["n1", "n1"]);
        for name in &forgetful {
            assert_eq!([next(&receivers, &live, name), next(&receivers, &live, name)], ["n1", "n1"]);
        }
        assert_eq!([next(&receivers, &live, "a"), next(&receivers, &live, "b")], ["n2", "n2"]);
        let newer = in_order(vec![counter("a", true, &stats)]).0;
        assert_eq!(next(&receivers, &newer, "a"), "n1");
        assert_eq!(receivers.idle.lock().expect("sound").len(), 1, "those of versions that were live are gone");
    }
}
