//! Errors as problem details (RFC 9457).

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::store::StoreError;

/// An answer that says what went wrong and what the caller can change. Its text is for the caller: what only an
/// operator may see is logged instead.
///
/// Boxed, as results that hold one are returned all over the API.
#[derive(Debug)]
pub struct Problem(Box<Details>);

#[derive(Debug)]
struct Details {
    status: StatusCode,
    title: String,
    detail: String,
    members: Map<String, Value>,
    headers: HeaderMap,
}

/// Result of a handler.
pub type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// A problem of that status.
    pub fn new(status: StatusCode, title: impl Into<String>, detail: impl Into<String>) -> Self {
        let (title, detail, members) = (title.into(), detail.into(), Map::new());
        Problem(Box::new(Details { status, title, detail, members, headers: HeaderMap::new() }))
    }

    /// 404: `what` is not there.
    pub fn not_found(what: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, "not found", what)
    }

    /// 400: a parameter can't be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, "bad request", detail)
    }

    /// 503: it may work in a second.
    pub fn busy(detail: impl Into<String>) -> Self {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "try again", detail);
        problem.header(header::RETRY_AFTER, HeaderValue::from(1))
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Adds a member.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.0.members.insert(name.to_owned(), value);
        self
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let StoreError::Rejected(reason) = &error {
            return Problem::bad_request(format!("the store can't look that up: {reason}"));
        }
        tracing::error!(%error, "the store did not answer a request");
        match error {
            StoreError::Unavailable(_) => Problem::busy("the store is away; nothing is lost, ask again"),
            _ => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "store error", "the store failed; the log says why"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Details { status, title, detail, mut members, headers: own } = *self.0;
        let mut body = json!({"title": title, "status": status.as_u16(), "detail": detail});
        if let Some(body) = body.as_object_mut() {
            body.append(&mut members);
        }
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(own);
        response
    }
}
