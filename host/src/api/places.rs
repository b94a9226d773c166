//! The places that connections take. Where all are taken, the client that has kept the server waiting for longest makes
//! room: first those of which a request is awaited, then those that are sending a body, then those that are taking an
//! answer. A request that is being worked on is never cut short.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::{Request, Response};
use tokio::sync::Notify;

use crate::telemetry::Telemetry;

/// All places of a server.
pub struct Places {
    limit: usize,
    telemetry: Arc<Telemetry>,
    state: Mutex<State>,
    /// A place became free, or there is one more that could.
    changed: Notify,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// Whether one was told to make room and has not yet.
    closing: bool,
    /// Counts up, so that who waits first comes first.
    turns: u64,
    /// Those that wait for their clients.
    waiting: BTreeMap<Turn, Arc<Occupant>>,
}

/// Who makes room first is less.
type Turn = (Awaited, u64);

/// What the client has to do next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Awaited {
    /// To ask, from the first byte to the end of the head. Trickling wins it no time.
    Request,
    /// To send the body.
    Body,
    /// To take the answer.
    Taking,
}

#[derive(Clone, Copy)]
enum Phase {
    Waiting(Turn),
    /// With a request that has arrived.
    Busy,
    /// Told to make room, or gone.
    Closing,
}

struct Occupant {
    places: Arc<Places>,
    close: Notify,
    /// Looked at while `Places::state` is held, and by nobody else.
    phase: Mutex<Phase>,
}

/// The place of a connection, free again when it is dropped.
pub struct Place(Arc<Occupant>);

/// Follows the requests of a connection.
#[derive(Clone)]
pub struct Follower(Arc<Occupant>);

impl Places {
    /// So many; those that had to make room are counted.
    pub fn new(limit: usize, telemetry: Arc<Telemetry>) -> Arc<Self> {
        Arc::new(Places { limit, telemetry, state: Mutex::default(), changed: Notify::new() })
    }

    /// Takes a place, of the one that waits for its client longest if need be. Waits only while every connection is with
    /// a request that is being worked on.
    pub async fn enter(self: &Arc<Self>) -> Place {
        loop {
            if let Some(place) = self.try_enter() {
                return place;
            }
            // What changed since is remembered.
            self.changed.notified().await;
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<Place> {
        let mut state = lock(&self.state);
        if state.taken < self.limit {
            state.taken += 1;
            let phase = Mutex::new(Phase::Busy);
            let occupant = Arc::new(Occupant { places: self.clone(), close: Notify::new(), phase });
            occupant.enter(&mut state, Some(Awaited::Request));
            return Some(Place(occupant));
        }
        if !state.closing
            && let Some((_, longest)) = state.waiting.pop_first()
        {
            state.closing = true;
            *lock(&longest.phase) = Phase::Closing;
            longest.close.notify_one();
            self.telemetry.connections_closed.add(1);
        }
        None
    }
}

impl Occupant {
    /// From now on something of the client is awaited, or nothing.
    fn awaits(self: &Arc<Self>, what: Option<Awaited>) {
        self.enter(&mut lock(&self.places.state), what);
        if what.is_some() {
            self.places.changed.notify_one();
        }
    }

    fn enter(self: &Arc<Self>, state: &mut State, what: Option<Awaited>) {
        let mut phase = lock(&self.phase);
        match *phase {
            Phase::Closing => return,
            Phase::Waiting(turn) => drop(state.waiting.remove(&turn)),
            Phase::Busy => {}
        }
        *phase = match what {
            None => Phase::Busy,
            Some(awaited) => {
                state.turns += 1;
                let turn = (awaited, state.turns);
                state.waiting.insert(turn, self.clone());
                Phase::Waiting(turn)
            }
        };
    }
}

impl Place {
    /// What is to be told of the requests of this connection.
    pub fn follower(&self) -> Follower {
        Follower(self.0.clone())
    }

    /// Returns when the connection must make room.
    pub async fn wanted(&self) {
        self.0.close.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let places = &self.0.places;
        let mut state = lock(&places.state);
        state.taken -= 1;
        match std::mem::replace(&mut *lock(&self.0.phase), Phase::Closing) {
            Phase::Waiting(turn) => drop(state.waiting.remove(&turn)),
            Phase::Busy => {}
            Phase::Closing => state.closing = false,
        }
        places.changed.notify_one();
    }
}

impl Follower {
    /// A request whose head is here.
    pub fn request<B: HttpBody>(&self, request: Request<B>) -> Request<Arriving<B>> {
        self.0.awaits((!request.body().is_end_stream()).then_some(Awaited::Body));
        request.map(|body| Arriving { body, occupant: self.0.clone() })
    }

    /// The response to it.
    pub fn response(&self, response: Response<Body>) -> Response<Leaving> {
        self.0.awaits(Some(Awaited::Taking));
        response.map(|body| Leaving { body, occupant: self.0.clone() })
    }
}

/// The body of a request: while it comes, the client is waited for.
pub struct Arriving<B> {
    body: B,
    occupant: Arc<Occupant>,
}

impl<B: HttpBody + Unpin> HttpBody for Arriving<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || (frame.is_ready() && self.body.is_end_stream()) {
            self.occupant.awaits(None);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response: when all of it is handed to the connection, the next request is waited for.
pub struct Leaving {
    body: Body,
    occupant: Arc<Occupant>,
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.occupant.awaits(Some(Awaited::Request));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn places(limit: usize) -> Arc<Places> {
        Places::new(limit, Arc::default())
    }

    fn enter(places: &Arc<Places>) -> Place {
        places.enter().now_or_never().expect("there is room")
    }

    fn is_wanted(place: &Place) -> bool {
        place.wanted().now_or_never().is_some()
    }

    fn ask(place: &Place, body: &'static str) -> Arriving<Body> {
        place.follower().request(Request::new(Body::from(body))).into_body()
    }

    #[test]
    fn who_keeps_the_server_waiting_longest_makes_room_and_who_is_served_never_does() {
        let places = places(4);
        let [served, sending, taking, silent] = [(); 4].map(|()| enter(&places));
        let _request = ask(&served, "");
        let _body = ask(&sending, "x");
        let _answer = taking.follower().response(Response::new(Body::from("x")));
        let mut held = vec![silent, sending, taking];
        let mut served_since = Vec::new();
        while !held.is_empty() {
            let mut newcomer = Box::pin(places.enter());
            assert!(newcomer.as_mut().now_or_never().is_none(), "all are taken");
            assert!(newcomer.as_mut().now_or_never().is_none(), "one is told at a time");
            let wanted: Vec<bool> = held.iter().map(is_wanted).collect();
            assert_eq!(wanted.iter().position(|wanted| *wanted), Some(0));
            assert_eq!(wanted.iter().filter(|wanted| **wanted).count(), 1);
            held.remove(0);
            let newcomer = newcomer.now_or_never().expect("there is room");
            let _request = ask(&newcomer, "");
            served_since.push(newcomer);
        }
        assert!(places.enter().now_or_never().is_none() && !is_wanted(&served));
        assert_eq!(places.telemetry.connections_closed.get(), 3);
    }

    #[tokio::test]
    async fn an_answer_that_was_taken_is_what_a_newcomer_waits_for() {
        let places = places(1);
        let place = enter(&places);
        let _request = ask(&place, "");
        let newcomer = tokio::spawn({
            let places = places.clone();
            async move { places.enter().await }
        });
        tokio::task::yield_now().await;
        assert!(!newcomer.is_finished() && !is_wanted(&place));
        let answer = place.follower().response(Response::new(Body::empty()));
        drop(answer);
        place.wanted().await;
        let follower = place.follower();
        drop(place);
        let second = newcomer.await.expect("no panic");
        // What is left of a connection that is gone takes no part.
        drop(follower.response(Response::new(Body::empty())));
        assert!(places.enter().now_or_never().is_none() && is_wanted(&second));
    }

    #[tokio::test]
    async fn a_body_that_has_arrived_is_no_longer_awaited() {
        use http_body_util::BodyExt;
        let places = places(1);
        let place = enter(&places);
        let body = ask(&place, "x");
        assert_eq!(body.collect().await.expect("a body").to_bytes(), "x");
        assert!(places.enter().now_or_never().is_none() && !is_wanted(&place));
    }
}
