//! The places that connections take. Where all are taken, the client that has kept the server waiting for longest makes
//! room: first those that have not asked anything yet, then those of which the next request is awaited, then those that
//! are sending a body, then those that are taking an answer. A request that is being worked on is never cut short.
//!
//! However many come and stay silent, up to half of the places are safe for those that asked and may ask again; beyond
//! half, they make room first, so that who keeps connections leaves room for others. This is the rule of a segmented
//! LRU (Karedla, Love and Wherry: Caching strategies to improve disk system performance, 1994).

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
    /// Those that wait for their clients, by what they await of them.
    waiting: [Waiting; 4],
}

/// By turn.
type Waiting = BTreeMap<u64, Arc<Occupant>>;

type Turn = (Awaited, u64);

/// What the client has to do next. Who makes room first comes first.
#[derive(Clone, Copy)]
enum Awaited {
    /// To ask for the first time, from the first byte to the end of the head. Trickling wins it no time.
    First,
    /// To ask again.
    Next,
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
            occupant.enter(&mut state, Some(Awaited::First));
            return Some(Place(occupant));
        }
        if !state.closing
            && let Some(longest) = state.longest(self.limit)
        {
            state.closing = true;
            *lock(&longest.phase) = Phase::Closing;
            longest.close.notify_one();
            self.telemetry.connections_closed.add(1);
        }
        None
    }
}

impl State {
    /// Takes out the one of the waiting that makes room.
    fn longest(&mut self, limit: usize) -> Option<Arc<Occupant>> {
        let kept = &mut self.waiting[Awaited::Next as usize];
        if kept.len() > limit / 2 {
            return kept.pop_first().map(|(_, longest)| longest);
        }
        self.waiting.iter_mut().find_map(|waiting| waiting.pop_first()).map(|(_, longest)| longest)
    }

    fn remove(&mut self, (awaited, turn): Turn) {
        self.waiting[awaited as usize].remove(&turn);
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
            Phase::Waiting(turn) => state.remove(turn),
            Phase::Busy => {}
        }
        *phase = match what {
            None => Phase::Busy,
            Some(awaited) => {
                state.turns += 1;
                state.waiting[awaited as usize].insert(state.turns, self.clone());
                Phase::Waiting((awaited, state.turns))
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
            Phase::Waiting(turn) => state.remove(turn),
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
        self.occupant.awaits(Some(Awaited::Next));
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

    fn answer(place: &Place) {
        let _request = ask(place, "");
        drop(place.follower().response(Response::new(Body::empty())));
    }

    /// Which of the connections makes room for a newcomer, who then has its place.
    fn make_room(places: &Arc<Places>, held: &mut Vec<Place>) -> usize {
        let mut newcomer = Box::pin(places.enter());
        assert!(newcomer.as_mut().now_or_never().is_none(), "all are taken");
        let wanted = held.iter().position(is_wanted).expect("one makes room");
        drop(held.remove(wanted));
        held.push(newcomer.now_or_never().expect("there is room"));
        wanted
    }

    #[test]
    fn who_asked_before_is_safe_from_a_crowd_that_never_does() {
        let places = places(4);
        let mut held = Vec::from([(); 4].map(|()| enter(&places)));
        held[..2].iter().for_each(answer);
        for _ in 0..10 {
            assert_eq!(make_room(&places, &mut held), 2, "the first of those that never asked");
        }
    }

    #[test]
    fn who_keeps_connections_leaves_room_for_newcomers() {
        let places = places(4);
        let mut held = Vec::from([(); 4].map(|()| enter(&places)));
        held.iter().rev().for_each(answer);
        assert_eq!(make_room(&places, &mut held), 3, "the one that was answered first");
        assert_eq!(make_room(&places, &mut held), 2, "three of four keep theirs, which is more than half");
        assert_eq!(make_room(&places, &mut held), 2, "two of four do, which is half: the first of the newcomers");
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
