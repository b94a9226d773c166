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
    if let Some(problem) =
        misdirected(&app, headers).or_else(|| cross_site(request.method(), request.uri().path(), headers))
    {
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

/// Whether a request could also do what needs this.
pub fn opens(app: &App, headers: &HeaderMap, scope: Scope) -> bool {
    app.access.check(token(headers), scope).is_ok()
}

/// What a request needs; `None` for what is open: the page itself, probes, and webhooks, which check signatures.
fn scope(method: &Method, path: &str) -> Option<Scope> {
    let deploys = ["/api/functions", "/api/tables"].iter().any(|root| is_under(root, path));
    if method == Method::DELETE && is_under("/api/contexts", path) {
        return Some(Scope::Admin);
    }
    match (path == "/metrics" || is_under("/api", path), reads(method), deploys) {
        (false, _, _) => None,
        (true, true, _) => Some(Scope::Read),
        (true, false, true) => Some(Scope::Deploy),
        (true, false, false) => Some(Scope::Ingest),
    }
}

fn reads(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD || method == Method::OPTIONS
}

fn is_under(root: &str, path: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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

/// Browsers say where a request comes from, over plain HTTP by its `Origin` only; other clients do not, and can't be misled.
/// A hook may make reports whatever its method is.
fn cross_site(method: &Method, path: &str, headers: &HeaderMap) -> Option<Problem> {
    let safe = reads(method) && !is_under("/hooks", path);
    let foreign = match headers.get("sec-fetch-site") {
        Some(site) => site != "same-origin" && site != "none",
        None => foreign_origin(headers),
    };
    (!safe && foreign)
        .then(|| Problem::new(StatusCode::FORBIDDEN, "cross-site request", "a page of another site may not do this"))
}

/// Whether the page that sends this is of another host than the one it is sent to. The scheme may differ, as where TLS
/// ends before this server.
fn foreign_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host_of = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
    let host = text(header::HOST).map(str::to_ascii_lowercase);
    text(header::ORIGIN).is_some_and(|origin| host_of(origin) != host)
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
            (Method::DELETE, "/api/contexts/c", Some(Scope::Admin)),
            (Method::DELETE, "/api/contexts/c/timelines/latest", Some(Scope::Admin)),
            (Method::PUT, "/api/functions/x", Some(Scope::Deploy)),
            (Method::POST, "/api/functions/x/try", Some(Scope::Deploy)),
            (Method::DELETE, "/api/tables/x", Some(Scope::Deploy)),
            (Method::PUT, "/api/functions", Some(Scope::Deploy)),
            (Method::POST, "/api/functionsandmore", Some(Scope::Ingest)),
            (Method::GET, "/apicture", None),
        ] {
            assert_eq!(scope(&method, path), wanted, "{method} {path}");
        }
    }

    #[test]
    fn foreign_pages_change_nothing_and_start_no_hook() {
        let refused = |method: Method, path: &str, given: &[(&'static str, &str)]| {
            let header = |(name, value): &(&'static str, &str)| (name.parse().unwrap(), value.parse().unwrap());
            let headers = given.iter().map(header).chain([(header::HOST, "upto.lan:8080".parse().unwrap())]).collect();
            cross_site(&method, path, &headers).is_some()
        };
        let (same, other) = (("origin", "http://upto.lan:8080"), ("origin", "http://evil.example"));
        for (method, path, given, wanted) in [
            (Method::POST, "/api/events", vec![], false),
            (Method::POST, "/api/events", vec![same], false),
            (Method::POST, "/api/events", vec![("origin", "HTTPS://UPTO.lan:8080")], false),
            (Method::POST, "/api/events", vec![other], true),
            (Method::POST, "/api/events", vec![("origin", "http://upto.lan")], true),
            (Method::POST, "/api/events", vec![("origin", "null")], true),
            (Method::POST, "/api/events", vec![same, ("sec-fetch-site", "cross-site")], true),
            // A proxy may have put another host there; what the browser says of the site holds.
            (Method::POST, "/api/events", vec![other, ("sec-fetch-site", "same-origin")], false),
            (Method::GET, "/api/contexts", vec![other], false),
            (Method::GET, "/hooks/github", vec![], false),
            (Method::GET, "/hooks/github", vec![("sec-fetch-site", "none")], false),
            (Method::GET, "/hooks/github", vec![("sec-fetch-site", "cross-site")], true),
            (Method::GET, "/hooks/github/x", vec![other], true),
        ] {
            assert_eq!(refused(method.clone(), path, &given), wanted, "{method} {path} {given:?}");
        }
    }
}
