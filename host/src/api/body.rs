//! Bodies of requests, within limits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::App;
use super::events::encoding;
use super::problem::{Problem, Result};
use super::unpack::Coding;
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

/// Bytes that a body may have.
#[derive(Clone, Copy)]
pub struct Limit {
    /// As it is sent.
    pub sent: usize,
    /// Once it is decompressed, if it is compressed.
    pub unpacked: usize,
    /// What its sender may do where that is not enough.
    pub advice: &'static str,
}

/// For bodies that hold many of something.
pub const IN_SEVERAL: &str = "send what it holds in several where that is possible";

impl From<usize> for Limit {
    /// As many in either state.
    fn from(bytes: usize) -> Self {
        Limit { sent: bytes, unpacked: bytes, advice: IN_SEVERAL }
    }
}

/// Reads a body, decompressed, with the place that it takes among those in memory.
pub async fn read(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    limit: impl Into<Limit>,
) -> Result<(Bytes, OwnedSemaphorePermit)> {
    let (coding, limit) = (Coding::of(headers)?, limit.into());
    let sent = read_as_sent(app, body, limit).await?;
    let Some(coding) = coding else { return Ok(sent) };
    // Closed by nobody.
    let turn = app.unpacking.clone().acquire_owned().await.ok();
    let mut unpacked = Held::new(app, limit.unpacked, limit.advice)?;
    let unpack = move || {
        let ((packed, _room), _turn) = (sent, turn);
        coding.unpack(&packed, |piece| unpacked.push(piece))?;
        Ok(unpacked.into_parts())
    };
    tokio::task::spawn_blocking(unpack).await.map_err(|_| Problem::busy("the server is stopping; send it again"))?
}

/// As [`read`], with the bytes as they were sent: for what is signed.
pub async fn read_as_sent(app: &App, mut body: Body, limit: impl Into<Limit>) -> Result<(Bytes, OwnedSemaphorePermit)> {
    let Limit { sent, advice, .. } = limit.into();
    let mut held = Held::new(app, sent, advice)?;
    held.expected = body.size_hint().upper().map_or(sent, |declared| sent.min(declared as usize));
    let deadline = Instant::now() + BODY_WAIT;
    let (mut pace_until, mut paced) = (Instant::now() + PACE_WAIT, 0);
    loop {
        let frame = tokio::time::timeout_at(deadline.min(pace_until), body.frame()).await;
        let Some(frame) = frame.map_err(|_| too_slow())? else { return Ok(held.into_parts()) };
        let frame = frame.map_err(|error| Problem::bad_request(format!("the body can't be read: {error}")))?;
        let Some(data) = frame.data_ref() else { continue };
        held.push(data)?;
        if held.bytes.len() - paced >= PACE_BYTES {
            (pace_until, paced) = (Instant::now() + PACE_WAIT, held.bytes.len());
        }
    }
}

/// A body as it grows. It takes place among those in memory for what it holds, so that what was only promised takes none.
struct Held {
    bytes: Vec<u8>,
    limit: usize,
    advice: &'static str,
    /// How many bytes it will have at the most, so that no place is taken for more.
    expected: usize,
    room: OwnedSemaphorePermit,
    bodies: Arc<Semaphore>,
}

impl Held {
    fn new(app: &App, limit: usize, advice: &'static str) -> Result<Self> {
        let bodies = app.bodies.clone();
        Ok(Held { bytes: Vec::new(), limit, advice, expected: limit, room: take_room(&bodies, 1)?, bodies })
    }

    fn push(&mut self, data: &[u8]) -> Result<()> {
        let size = self.bytes.len() + data.len();
        if size > self.limit {
            return Err(too_large(self.limit, self.advice));
        }
        if size > self.bytes.capacity() {
            let capacity = (2 * self.bytes.capacity()).min(self.expected).max(size);
            let missing = (capacity / 1024 + 1).saturating_sub(self.room.num_permits());
            self.room.merge(take_room(&self.bodies, missing as u32)?);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    fn into_parts(self) -> (Bytes, OwnedSemaphorePermit) {
        (self.bytes.into(), self.room)
    }
}

fn take_room(bodies: &Arc<Semaphore>, kib: u32) -> Result<OwnedSemaphorePermit> {
    bodies.clone().try_acquire_many_owned(kib).map_err(|_| Problem::busy("too many bodies are under way"))
}

fn too_slow() -> Problem {
    let (all, part, size) = (BODY_WAIT.as_secs(), PACE_WAIT.as_secs(), PACE_BYTES >> 10);
    let detail = format!("a body has {all} s to arrive, and {part} s for each {size} KiB of it");
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body too slow", detail)
}

fn too_large(limit: usize, advice: &str) -> Problem {
    let detail = format!("a body has at most {limit} bytes here; {advice}");
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
    limit: impl Into<Limit>,
) -> Result<(T, OwnedSemaphorePermit)> {
    expect_json(headers)?;
    let (bytes, room) = read(app, headers, body, limit).await?;
    let text = if bytes.trim_ascii().is_empty() { b"{}".as_slice() } else { &bytes };
    let value = serde_json::from_slice(text).map_err(|error| Problem::bad_request(format!("the body: {error}")))?;
    Ok((value, room))
}
