//! What stands before every handler: the server's names, foreign pages, and tokens.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::problem::Problem;
use crate::access::{Caller, Denied, Scope};

/// Lets a request pass that this server is meant by, that no foreign page made, and whose token opens what it wants.
pub async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    if let Some(problem) = misdirected(&app, headers).or_else(|| cross_site(request.method(), headers)) {
        return problem.into_response();
    }
    let caller = match scope(request.method(), request.uri().path()) {
        None => Ok(Caller::default()),
        Some(scope) => app.access.check(token(headers), scope).map_err(|denied| (denied, scope)),
    };
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err((denied, scope)) => refuse(&denied, scope),
    }
}

/// What a request needs; `None` for what is open: the page itself, probes, and webhooks, which check signatures.
fn scope(method: &Method, path: &str) -> Option<Scope> {
    let reads = method == Method::GET || method == Method::HEAD || method == Method::OPTIONS;
    let deploys = ["/api/functions", "/api/tables"].iter().any(|under| path.starts_with(under));
    match (path == "/metrics" || path == "/api" || path.starts_with("/api/"), reads, deploys) {
        (false, _, _) => None,
        (true, true, _) => Some(Scope::Read),
        (true, false, true) => Some(Scope::Deploy),
        (true, false, false) => Some(Scope::Ingest),
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn misdirected(app: &App, headers: &HeaderMap) -> Option<Problem> {
    let host = headers.get(header::HOST)?.to_str().unwrap_or_default();
    (!app.hosts.contains(host)).then(|| {
        let detail =
            format!("this server is not known as {host:?}; if it should be, add the name to hosts in upto.toml");
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown host", detail)
    })
}

/// Browsers say where a request comes from; other clients do not, and can't be misled.
fn cross_site(method: &Method, headers: &HeaderMap) -> Option<Problem> {
    let safe = method == Method::GET || method == Method::HEAD || method == Method::OPTIONS;
    let foreign = headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    (!safe && foreign)
        .then(|| Problem::new(StatusCode::FORBIDDEN, "cross-site request", "a page of another site may not do this"))
}

fn refuse(denied: &Denied, scope: Scope) -> Response {
    let scope = scope.as_str();
    let (status, detail) = match denied {
        Denied::Unknown => (
            StatusCode::UNAUTHORIZED,
            format!("this needs a token with the scope {scope}: send the header Authorization: Bearer TOKEN"),
        ),
        Denied::Scope(name) => (StatusCode::FORBIDDEN, format!("the token {name:?} has not the scope {scope}")),
    };
    let mut response = Problem::new(status, "not allowed", detail).with("scope", scope.into()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_has_its_scope() {
        for (method, path, wanted) in [
            (Method::GET, "/", None),
            (Method::GET, "/c/deploy/1", None),
            (Method::GET, "/livez", None),
            (Method::POST, "/hooks/github", None),
            (Method::GET, "/metrics", Some(Scope::Read)),
            (Method::GET, "/api", Some(Scope::Read)),
            (Method::GET, "/api/functions/x/dead-letters", Some(Scope::Read)),
            (Method::POST, "/api/events", Some(Scope::Ingest)),
            (Method::POST, "/api/contexts/c/timelines", Some(Scope::Ingest)),
            (Method::PUT, "/api/functions/x", Some(Scope::Deploy)),
            (Method::POST, "/api/functions/x/try", Some(Scope::Deploy)),
            (Method::DELETE, "/api/tables/x", Some(Scope::Deploy)),
        ] {
            assert_eq!(scope(&method, path), wanted, "{method} {path}");
        }
    }
}
