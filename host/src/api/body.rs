//! Bodies of requests, within limits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::App;
use super::events::encoding;
use super::problem::{Problem, Result};
use crate::ingest::http::Encoding;

/// How long a body may take to arrive.
const BODY_WAIT: Duration = Duration::from_secs(30);
/// How long each [`PACE_BYTES`] of it may take.
const PACE_WAIT: Duration = Duration::from_secs(10);
/// Bytes that a body is measured by: one that brings fewer in [`PACE_WAIT`] is too slow, unless it ends.
const PACE_BYTES: usize = 8 << 10;

/// Refuses a body that says it is no JSON. Browsers can't send JSON to a foreign site unasked.
pub fn expect_json(headers: &HeaderMap) -> Result<()> {
    match encoding(headers)? {
        Encoding::Json => Ok(()),
        _ => Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong content type", "use application/json")),
    }
}

/// Reads a body of at most `limit` bytes, with the place that it takes among those in memory.
pub async fn read(app: &App, mut body: Body, limit: usize) -> Result<(Bytes, OwnedSemaphorePermit)> {
    let mut room = take_room(&app.bodies, 1)?;
    let mut bytes = Vec::new();
    let deadline = Instant::now() + BODY_WAIT;
    let (mut pace_until, mut paced) = (Instant::now() + PACE_WAIT, 0);
    loop {
        let frame = tokio::time::timeout_at(deadline.min(pace_until), body.frame()).await;
        let Some(frame) = frame.map_err(|_| too_slow())? else { break };
        let frame = frame.map_err(|error| Problem::bad_request(format!("the body can't be read: {error}")))?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        // As it comes, so that bodies that were only promised take no place.
        grow(&mut room, &app.bodies, bytes.len() + data.len())?;
        bytes.extend_from_slice(data);
        if bytes.len() - paced >= PACE_BYTES {
            (pace_until, paced) = (Instant::now() + PACE_WAIT, bytes.len());
        }
    }
    Ok((bytes.into(), room))
}

fn take_room(bodies: &Arc<Semaphore>, kib: u32) -> Result<OwnedSemaphorePermit> {
    bodies.clone().try_acquire_many_owned(kib).map_err(|_| Problem::busy("too many bodies are under way"))
}

/// Makes a place one of so many bytes at least.
fn grow(room: &mut OwnedSemaphorePermit, bodies: &Arc<Semaphore>, bytes: usize) -> Result<()> {
    let missing = (bytes / 1024 + 1).saturating_sub(room.num_permits());
    if missing > 0 {
        room.merge(take_room(bodies, missing as u32)?);
    }
    Ok(())
}

fn too_slow() -> Problem {
    let (all, part, size) = (BODY_WAIT.as_secs(), PACE_WAIT.as_secs(), PACE_BYTES >> 10);
    let detail = format!("a body has {all} s to arrive, and {part} s for each {size} KiB of it");
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body too slow", detail)
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("a body has at most {limit} bytes here; send what it holds in several where that is possible");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body too large", detail)
}

/// Reads a body of JSON. An empty one is an empty object.
pub async fn json<T: DeserializeOwned>(app: &App, headers: &HeaderMap, body: Body, limit: usize) -> Result<T> {
    Ok(json_with_room(app, headers, body, limit).await?.0)
}

/// As [`json`], with the place that the body takes: for what goes on holding as much.
pub async fn json_with_room<T: DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<(T, OwnedSemaphorePermit)> {
    expect_json(headers)?;
    let (bytes, room) = read(app, body, limit).await?;
    let text = if bytes.trim_ascii().is_empty() { b"{}".as_slice() } else { &bytes };
    let value = serde_json::from_slice(text).map_err(|error| Problem::bad_request(format!("the body: {error}")))?;
    Ok((value, room))
}
