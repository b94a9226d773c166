//! The HTTP surface: the HAL API, the page, and what probes and Prometheus ask for.

mod bars;
mod body;
mod contexts;
mod events;
mod extract;
mod functions;
mod guard;
mod hal;
mod hooks;
mod paging;
mod places;
mod problem;
mod serve;
mod stream;
mod tables;
mod timelines;
mod unpack;

use std::sync::Arc;

use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

use crate::access::{Access, Hosts};
use crate::assets;
use crate::functions::Registry;
use crate::ingest::Queue;
use crate::store::{Durability, Store, TimelineKey};
use crate::telemetry::{self, Telemetry};
use crate::transform::recent::Recent;
use hal::{Hal, Links};
use problem::Problem;

pub use serve::serve;

/// Bodies that may be in memory at the same time, in KiB: among others two functions as JSON, or one that is decompressed.
const BODIES_KIB: usize = 32 << 10;
/// The same where functions may be large.
const LARGE_BODIES_KIB: usize = 64 << 10;
/// Bodies that may be decompressed at the same time; further ones wait.
const UNPACKING: usize = 2;
/// Charts that may be laid out at the same time; further ones wait. One of 200,000 events takes some 100 MiB.
const CHARTS: usize = 2;
/// Pairs of versions that may be compared at the same time; further ones wait.
const COMPARISONS: usize = 2;
/// Live streams at the same time.
const STREAMS: usize = 512;

/// Events that are deleted at a time, so that writers never wait long.
const DELETED_AT_ONCE: u32 = 1_000;

/// What the handlers work with.
#[derive(Clone)]
pub struct App {
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    recent: Arc<Recent>,
    queue: Queue,
    commits: broadcast::Sender<TimelineKey>,
    telemetry: Arc<Telemetry>,
    access: Arc<Access>,
    hosts: Arc<Hosts>,
    receivers: Arc<hooks::Receivers>,
    bodies: Arc<Semaphore>,
    unpacking: Arc<Semaphore>,
    charts: Arc<Semaphore>,
    comparisons: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    replays: functions::Replays,
    shutdown: CancellationToken,
}

impl App {
    /// The application over a registry and its store. Streams end and readiness fails once `shutdown` is cancelled.
    pub fn new(
        registry: Arc<Registry>,
        recent: Arc<Recent>,
        queue: Queue,
        commits: broadcast::Sender<TimelineKey>,
        telemetry: Arc<Telemetry>,
        doors: (Access, Hosts),
        shutdown: CancellationToken,
    ) -> Self {
        let bodies = if registry.large_components() { LARGE_BODIES_KIB } else { BODIES_KIB };
        let bodies = Arc::new(Semaphore::new(bodies));
        let charts = Arc::new(Semaphore::new(CHARTS));
        let comparisons = Arc::new(Semaphore::new(COMPARISONS));
        let streams = Arc::new(Semaphore::new(STREAMS));
        let store = registry.store().clone();
        let (access, hosts) = (Arc::new(doors.0), Arc::new(doors.1));
        App {
            store,
            registry,
            recent,
            queue,
            commits,
            telemetry,
            access,
            hosts,
            receivers: Arc::default(),
            bodies,
            unpacking: Arc::new(Semaphore::new(UNPACKING)),
            charts,
            comparisons,
            streams,
            replays: functions::Replays::default(),
            shutdown,
        }
    }

    /// All routes.
    pub fn router(self) -> Router {
        let timeline = Router::new()
            .route("/", get(timelines::one).delete(timelines::delete))
            .route("/events", get(events::list))
            .route("/events/{name}", get(events::one))
            .route("/bars", get(bars::bars))
            .route("/stream", get(stream::stream));
        let api = Router::new()
            .route("/", get(entry))
            .route("/events", post(events::report))
            .route("/contexts", get(contexts::list))
            .route("/contexts/{context}", get(contexts::one).delete(contexts::delete))
            .route("/contexts/{context}/timelines", get(timelines::list).post(timelines::make))
            .nest("/contexts/{context}/timelines/{timeline}", timeline)
            .merge(functions::routes())
            .merge(tables::routes())
            .fallback(unknown_path)
            .method_not_allowed_fallback(wrong_method);
        Router::new()
            .nest("/api", api)
            .route("/hooks/{function}", get(hooks::receive_root).post(hooks::receive_root).head(hooks::head))
            .route("/hooks/{function}/{*rest}", get(hooks::receive).post(hooks::receive).head(hooks::head))
            .route("/livez", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .merge(assets::router())
            .fallback(unknown_path)
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn_with_state(self.clone(), guard::guard))
            .layer(CompressionLayer::new().gzip(true))
            .layer(map_response(security_headers))
            .with_state(self)
    }
}

async fn entry() -> Hal {
    let links = Links::to_self(hal::ENTRY).and("contexts", hal::CONTEXTS).and("events", hal::EVENTS);
    let links = links.and("functions", hal::FUNCTIONS).and("tables", hal::TABLES);
    let links = links.template("context", format!("{}/{{context}}", hal::CONTEXTS)).and("metrics", "/metrics");
    Hal(hal::resource(links, json!({"version": env!("CARGO_PKG_VERSION")})))
}

async fn ready(State(app): State<App>) -> Response {
    if app.shutdown.is_cancelled() {
        return Problem::busy("the server is stopping").into_response();
    }
    let durability = async {
        app.store.ping().await?;
        app.store.durability().await
    };
    match durability.await {
        Ok(Durability::Strong) => "ok\n".into_response(),
        Ok(Durability::Weak(reason)) => format!("ok\ndurability: weak ({reason})\n").into_response(),
        Ok(Durability::Unknown(reason)) => format!("ok\ndurability: unknown ({reason})\n").into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn metrics(State(app): State<App>) -> Response {
    let mut text = String::new();
    telemetry::render(&app.telemetry, &mut text);
    telemetry::render_functions(&app.registry.stats().snapshot(), &mut text);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn unknown_path(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::not_found(format!("there is nothing at {}; the entry is /api", uri.path()))
}

async fn wrong_method(method: Method) -> Problem {
    let detail = format!("{method} is not done here; the header Allow says what is");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", detail)
}

/// The page runs only what it was built with, shows in nobody's frame and talks to nobody else.
async fn security_headers(mut response: Response) -> Response {
    const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                       font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A time as the API gives it: RFC 3339, or null.
fn time(time: Option<upto_wire::Time>) -> Value {
    time.map_or(Value::Null, |time| Value::String(time.to_string()))
}
