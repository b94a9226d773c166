//! Bodies of requests, within limits.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use super::App;
use super::events::encoding;
use super::problem::{Problem, Result};
use crate::ingest::http::Encoding;

/// How long a body may take to arrive.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// Refuses a body that says it is no JSON. Browsers can't send JSON to a foreign site unasked.
pub fn expect_json(headers: &HeaderMap) -> Result<()> {
    match encoding(headers)? {
        Encoding::Json => Ok(()),
        _ => Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong content type", "use application/json")),
    }
}

/// Reads a body of at most `limit` bytes, with the place that it takes among those in memory.
pub async fn read(app: &App, headers: &HeaderMap, body: Body, limit: usize) -> Result<(Bytes, OwnedSemaphorePermit)> {
    let kib = declared_length(headers).unwrap_or(limit).min(limit) / 1024 + 1;
    let room = app.bodies.clone().try_acquire_many_owned(kib as u32);
    let room = room.map_err(|_| Problem::busy("too many bodies are under way"))?;
    let collected = tokio::time::timeout(BODY_WAIT, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok((body.to_bytes(), room)),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body too large",
            format!("a body has at most {limit} bytes here; send what it holds in several where that is possible"),
        )),
        Ok(Err(error)) => Err(Problem::bad_request(format!("the body can't be read: {error}"))),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body too slow",
            format!("the body did not arrive within {} s", BODY_WAIT.as_secs()),
        )),
    }
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
    let (bytes, room) = read(app, headers, body, limit).await?;
    let text = if bytes.trim_ascii().is_empty() { b"{}".as_slice() } else { &bytes };
    let value = serde_json::from_slice(text).map_err(|error| Problem::bad_request(format!("the body: {error}")))?;
    Ok((value, room))
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
