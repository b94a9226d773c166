//! The web page, embedded in the binary.

use axum::Router;
use axum::http::StatusCode;
use memory_serve::CacheControl;

/// Serves the page's files, and the page itself for any other path: it knows its own addresses.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    memory_serve::load!()
        .index_file(Some("/index.html"))
        .fallback(Some("/index.html"))
        .fallback_status(StatusCode::OK)
        .html_cache_control(CacheControl::NoCache)
        // Names of assets carry a hash of their content.
        .cache_control(CacheControl::Long)
        .into_router()
}
