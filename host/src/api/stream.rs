//! Live changes of a timeline as Server-Sent Events: that something changed, never what. Whoever listens asks again.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::stream::{self, Stream};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

use super::extract::Segments;
use super::problem::{Problem, Result};
use super::{App, timelines};
use crate::clock;
use crate::store::{TimelineKey, TimelineRef};

/// At most two notices a second go out for a timeline.
const LEAST_PAUSE: Duration = Duration::from_millis(500);
/// How often the store is asked for what other instances wrote.
const POLL: Duration = Duration::from_secs(2);
/// The state of an unchanged timeline may change by time alone: after so long it is looked at anew.
const SUM_AGAIN: Duration = Duration::from_secs(30);

pub async fn stream(
    State(app): State<App>,
    Segments((context, which)): Segments<(String, String)>,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>>>> {
    let permit = app.streams.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::busy("too many pages are watching"))?;
    let commits = app.commits.subscribe();
    let timeline = timelines::find(&app, &context, &which).await?.key;
    let watch = Watch { app, timeline, commits, last: None, summed: Instant::now(), _permit: permit };
    let notices = stream::unfold(watch, |mut watch| async {
        let notice = watch.next().await?;
        Some((Ok(notice), watch))
    });
    Ok(Sse::new(notices).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

struct Watch {
    app: App,
    timeline: TimelineKey,
    commits: broadcast::Receiver<TimelineKey>,
    /// What the last notice said.
    last: Option<Notice>,
    /// When the timeline was last added up.
    summed: Instant,
    _permit: OwnedSemaphorePermit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Notice {
    revision: u64,
    state: &'static str,
    latest: u32,
}

impl Watch {
    /// The next notice; `None` when the server stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let notice = self.look().await;
            match notice {
                Some(notice) if self.last != Some(notice) => {
                    self.last = Some(notice);
                    let Notice { revision, state, latest } = notice;
                    let data = json!({"revision": revision, "state": state, "latest": latest});
                    return Some(Event::default().event("change").data(data.to_string()));
                }
                _ => self.wait().await?,
            }
        }
    }

    /// What is true now; `None` where the store does not answer, which the next look may change.
    async fn look(&mut self) -> Option<Notice> {
        let (store, TimelineKey { context, number }) = (&self.app.store, &self.timeline);
        let latest = store.context(context).await.ok()??.latest;
        let revision = store.revision(&self.timeline).await.ok()??;
        // Adding up a timeline costs what it has, so that is done only where the sum may be another one.
        let known = self.last.filter(|last| last.revision == revision && last.latest == latest);
        if let Some(known) = known.filter(|_| self.summed.elapsed() < SUM_AGAIN) {
            return Some(known);
        }
        self.summed = Instant::now();
        let row = store.timeline(context, &TimelineRef::Number(*number)).await.ok()??;
        Some(Notice { revision: row.revision, state: row.state(clock::now()).as_str(), latest })
    }

    /// Waits for a commit that concerns this context, or for the next poll; `None` when the server stops.
    async fn wait(&mut self) -> Option<()> {
        let app = self.app.clone();
        let pause = async {
            tokio::time::sleep(LEAST_PAUSE).await;
            let _ = tokio::time::timeout(POLL - LEAST_PAUSE, self.commit()).await;
        };
        tokio::select! {
            () = app.shutdown.cancelled() => None,
            () = pause => Some(()),
        }
    }

    async fn commit(&mut self) {
        loop {
            match self.commits.recv().await {
                Ok(timeline) if timeline.context != self.timeline.context => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
