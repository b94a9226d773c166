//! Connections: hyper with the limits that `axum::serve` does not set.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::places::Places;
use crate::telemetry::Telemetry;

/// Connections at the same time; for more, those that keep the server waiting make room (`places.rs`). A silent one takes
/// some 14 KiB, one that sends a head as much again.
const MAX_CONNECTIONS: usize = 5_000;
/// Files that may be open beside connections: the store, sockets, folders, checks of functions.
const OTHER_FILES: u64 = 256;
/// How long the head of a request may take, the first byte of a connection included.
const HEADER_WAIT: Duration = Duration::from_secs(10);
/// How long a client may take nothing of an answer that waits for it, or not acknowledge what was sent.
const TAKE_WAIT: Duration = Duration::from_secs(30);
/// Headers of a request at the most.
const MAX_HEADERS: usize = 64;
/// Bytes of a request's head at the most, which all connections may hold at the same time.
const MAX_HEAD: usize = 16 << 10;
/// How long requests under way may take once the server stops.
const DRAIN: Duration = Duration::from_secs(8);

/// Serves until `shutdown` is cancelled, then lets requests under way end.
pub async fn serve(listener: TcpListener, router: Router, telemetry: Arc<Telemetry>, shutdown: CancellationToken) {
    let places = Places::new(connections_within(open_files()), telemetry);
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_WAIT).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let (stream, peer) = listener.accept().await?;
            Ok::<_, io::Error>((stream, peer, places.enter().await))
        };
        let next = tokio::select! {
            next = next => next,
            () = shutdown.cancelled() => break,
        };
        while connections.try_join_next().is_some() {}
        match next {
            Ok((stream, peer, place)) => {
                let _ = stream.set_nodelay(true);
                let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(TAKE_WAIT));
                let (router, follower) = (router.clone(), place.follower());
                let answer = move |request| {
                    let request = follower.request(request).map(Body::new);
                    let (answer, follower) = (router.clone().oneshot(with_peer(request, peer)), follower.clone());
                    async move { answer.await.map(|response| follower.response(response)) }
                };
                let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
                connections.spawn(async move {
                    tokio::select! {
                        // A client that breaks off is its own affair.
                        _ = connection => {}
                        () = place.wanted() => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections that did not end in time are cut");
    }
    connections.shutdown().await;
}

/// Raises the limit of open files to what the system allows this process; what it is then.
fn open_files() -> u64 {
    let raised = rlimit::increase_nofile_limit(u64::MAX);
    raised.unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit of open files can't be raised");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(u64::MAX)
    })
}

/// How many connections there may be where so many files may be open.
fn connections_within(open_files: u64) -> usize {
    let room = open_files.saturating_sub(OTHER_FILES).max(open_files / 2).max(1);
    let connections = usize::try_from(room).unwrap_or(usize::MAX).min(MAX_CONNECTIONS);
    if connections < MAX_CONNECTIONS {
        tracing::warn!(open_files, connections, "few files may be open (ulimit -Hn), so there are fewer connections");
    }
    connections
}

fn with_peer(mut request: Request<Body>, peer: SocketAddr) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_all_else() {
        for (open_files, connections) in [(u64::MAX, 5_000), (5_256, 5_000), (1_024, 768), (256, 128), (1, 1), (0, 1)] {
            assert_eq!(connections_within(open_files), connections, "{open_files}");
        }
    }
}
