//! Connections: hyper with the limits that `axum::serve` does not set.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections at the same time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 2_048;
/// How long the head of a request may take, the first byte of a connection included.
const HEADER_WAIT: Duration = Duration::from_secs(10);
/// Headers of a request at the most.
const MAX_HEADERS: usize = 64;
/// Bytes of a request's head at the most.
const MAX_HEAD: usize = 64 << 10;
/// How long requests under way may take once the server stops.
const DRAIN: Duration = Duration::from_secs(8);

/// Serves until `shutdown` is cancelled, then lets requests under way end.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_WAIT).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            // Closed by nobody.
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = shutdown.cancelled() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                let service = router.clone().map_request(move |request| with_peer(request, peer));
                let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
                let connection = graceful.watch(connection);
                connections.spawn(async move {
                    // A client that breaks off is its own affair.
                    let _ = connection.await;
                    drop(place);
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

fn with_peer(request: Request<Incoming>, peer: SocketAddr) -> Request<Body> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}
