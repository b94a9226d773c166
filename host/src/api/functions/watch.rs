//! Looking at functions while they work: their logs, and reports before and after them.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::super::App;
use super::super::extract::{Parameters, Segments};
use super::super::hal::{self, Hal, Links};
use super::super::problem::{Problem, Result};
use super::resource::{failure, made, report, time};
use crate::transform::Outcome;
use crate::transform::log::Line;
use crate::transform::tap::Sample;

/// After which line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    after: Option<u64>,
}

/// The newest lines that a function logged on this instance.
pub async fn logs(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Parameters(After { after }): Parameters<After>,
) -> Result<Hal> {
    super::resource::expect(&app, &name)?;
    let lines = app.registry.stats().journal(&name).after(after);
    let here = format!("{}/logs", hal::function(&name));
    let address = |seq: Option<u64>| seq.map_or(here.clone(), |seq| format!("{here}?after={seq}"));
    let next = lines.last().map(|line| line.seq).or(after);
    let links = Links::to_self(address(after)).and("next", address(next)).and("function", hal::function(&name));
    Ok(Hal(hal::collection(links, "lines", lines.into_iter().map(line).collect())))
}

fn line(line: Line) -> Value {
    json!({
        "seq": line.seq,
        "at": time(line.at),
        "level": line.level.as_str(),
        "version": line.version,
        "text": line.text,
    })
}

/// Reports before and after a function, as they pass on this instance.
pub async fn tap(
    State(app): State<App>,
    Segments(name): Segments<String>,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>>>> {
    super::resource::expect(&app, &name)?;
    let permit = app.streams.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::busy("too many pages are watching"))?;
    let samples = app.registry.stats().tap(&name).watch();
    let watch = (app, samples, permit);
    let events = stream::unfold(watch, |(app, mut samples, permit)| async {
        loop {
            let sample = tokio::select! {
                () = app.shutdown.cancelled() => return None,
                sample = samples.recv() => sample,
            };
            match sample {
                Ok(sample) => {
                    let event = Event::default().event("report").data(shown(&sample).to_string());
                    return Some((Ok(event), (app, samples, permit)));
                }
                // It shows samples anyway.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

fn shown(sample: &Sample) -> Value {
    let why = match &sample.outcome {
        Outcome::Fail(why) => failure(why),
        _ => Value::Null,
    };
    json!({
        "at": crate::clock::now(),
        "version": sample.version,
        "before": report(&sample.before),
        "outcome": sample.outcome.as_str(),
        "after": made(&sample.before, &sample.outcome),
        "failure": why,
        "time_us": sample.time.as_secs_f64() * 1e6,
    })
}
