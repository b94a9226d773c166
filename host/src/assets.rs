//! The web page, embedded in the binary.

use axum::Router;
use memory_serve::CacheControl;

/// Serves the page's files, and the page itself for its own addresses, which begin with `/c/` and `/f`.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    memory_serve::load!()
        .index_file(Some("/index.html"))
        .add_alias("/c/{*page}", "/index.html")
        .add_alias("/f", "/index.html")
        .add_alias("/f/{*page}", "/index.html")
        .html_cache_control(CacheControl::NoCache)
        // Names of assets carry a hash of their content.
        .cache_control(CacheControl::Long)
        .into_router()
}
