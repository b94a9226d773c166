//! HAL: resources with links. Every address that the API gives out is made here.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::event::EventKey;
use crate::store::{TimelineKey, TimelineRef};

/// All but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Says that the rest of a path segment is a name, whatever it looks like.
const NAME_PREFIX: &str = "name:";

/// Percent-encodes a path segment or a query value.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The address of the entry.
pub const ENTRY: &str = "/api";
/// The address of the contexts.
pub const CONTEXTS: &str = "/api/contexts";
/// The address that takes reports.
pub const EVENTS: &str = "/api/events";

/// The address of the functions.
pub const FUNCTIONS: &str = "/api/functions";
/// The address of the lookup tables.
pub const TABLES: &str = "/api/tables";

/// The address of a function. Its name needs no encoding.
pub fn function(name: &str) -> String {
    format!("{FUNCTIONS}/{name}")
}

/// The address of a version.
pub fn version(function: &str, number: u32) -> String {
    format!("{FUNCTIONS}/{function}/versions/{number}")
}

/// The address of a context. `.` and `..` can't stand in a path, so they are given as `name:.` and `name:..`.
pub fn context(name: &str) -> String {
    let literal = matches!(name, "." | "..") || name.starts_with(NAME_PREFIX);
    format!("{CONTEXTS}/{}{}", if literal { NAME_PREFIX } else { "" }, encode(name))
}

/// The context that a path segment names.
pub fn context_of(segment: &str) -> &str {
    segment.strip_prefix(NAME_PREFIX).unwrap_or(segment)
}

/// The address of a context's timelines.
pub fn timelines(name: &str) -> String {
    format!("{}/timelines", context(name))
}

/// The address of a timeline.
pub fn timeline(key: &TimelineKey) -> String {
    format!("{}/{}", timelines(&key.context), key.number)
}

/// The timeline that a path segment names: a number, `latest`, or a name.
pub fn timeline_of(segment: &str) -> TimelineRef {
    if let Some(name) = segment.strip_prefix(NAME_PREFIX) {
        return TimelineRef::Name(name.to_owned());
    }
    match segment {
        "latest" => TimelineRef::Latest,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // No timeline has a number that large.
            TimelineRef::Number(digits.parse().unwrap_or(u32::MAX))
        }
        name => TimelineRef::Name(name.to_owned()),
    }
}

/// The address of an event.
pub fn event(timeline: &str, key: &EventKey) -> String {
    let path = format!("{timeline}/events/{}", encode(&key.name));
    if key.host.is_empty() { path } else { format!("{path}?host={}", encode(&key.host)) }
}

/// The `_links` of a resource, in the order given.
#[derive(Debug, Default, Clone)]
pub struct Links(Map<String, Value>);

impl Links {
    /// Links with `self`.
    pub fn to_self(href: impl Into<String>) -> Self {
        Links::default().and("self", href)
    }

    /// Adds a link.
    pub fn and(mut self, relation: &str, href: impl Into<String>) -> Self {
        self.0.insert(relation.to_owned(), json!({"href": href.into()}));
        self
    }

    /// Adds a link if there is one.
    pub fn maybe(self, relation: &str, href: Option<String>) -> Self {
        match href {
            Some(href) => self.and(relation, href),
            None => self,
        }
    }

    /// Adds a URI template (RFC 6570).
    pub fn template(mut self, relation: &str, href: impl Into<String>) -> Self {
        self.0.insert(relation.to_owned(), json!({"href": href.into(), "templated": true}));
        self
    }

    /// The value of `_links`.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// A resource: links and members.
pub fn resource(links: Links, members: Value) -> Value {
    let mut resource = json!({"_links": links.into_value()});
    if let (Some(resource), Value::Object(mut members)) = (resource.as_object_mut(), members) {
        resource.append(&mut members);
    }
    resource
}

/// A page of a collection, its items embedded under `relation`.
pub fn collection(links: Links, relation: &str, items: Vec<Value>) -> Value {
    json!({"_links": links.into_value(), "_embedded": {relation: items}})
}

/// A resource as an answer.
pub struct Hal(pub Value);

impl IntoResponse for Hal {
    fn into_response(self) -> Response {
        respond(self.0.to_string())
    }
}

fn respond(body: String) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/hal+json"));
    // Whoever keeps it asks whether it still holds.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A version of a resource: what an `ETag` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(HeaderValue);

impl Version {
    /// From what changes whenever the resource does.
    pub fn of(parts: std::fmt::Arguments<'_>) -> Self {
        let tag: String = format!("\"{}\"", encode(&parts.to_string()));
        // Percent-encoded text is visible ASCII.
        Version(HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\"")))
    }

    /// Answers 304 where the caller has this version, else with what `body` makes.
    pub fn respond(self, request: &HeaderMap, body: impl FnOnce() -> Value) -> Response {
        let mut response = match self.is_known(request) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => respond(body().to_string()),
        };
        response.headers_mut().insert(header::ETAG, self.0);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }

    /// Whether the caller says that it has this version.
    pub fn is_known(&self, request: &HeaderMap) -> bool {
        let Ok(mine) = self.0.to_str() else { return false };
        let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        known.flat_map(|value| value.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == mine
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_context_can_be_reached() {
        for name in [".", "..", "a/b c.d", "name:x", "name:", "Bäckerei 部署", "50%", "?#&=+"] {
            let href = context(name);
            let segment = href.strip_prefix("/api/contexts/").expect("a context's address");
            assert!(!segment.contains(['/', '?', '#']), "{segment}");
            let decoded = percent_encoding::percent_decode_str(segment).decode_utf8().expect("UTF-8");
            assert_eq!(context_of(&decoded), name);
        }
    }

    #[test]
    fn a_timeline_is_named_by_number_latest_or_name() {
        assert_eq!(timeline_of("41"), TimelineRef::Number(41));
        assert_eq!(timeline_of("latest"), TimelineRef::Latest);
        assert_eq!(timeline_of("gh-8812"), TimelineRef::Name("gh-8812".into()));
        assert_eq!(timeline_of("name:41"), TimelineRef::Name("41".into()));
        assert_eq!(timeline_of("99999999999999"), TimelineRef::Number(u32::MAX));
    }

    #[test]
    fn a_known_version_is_recognised_among_several() {
        let version = Version::of(format_args!("{}-{}", 7, "running"));
        let headers = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(value).expect("a header value"));
            headers
        };
        assert!(version.is_known(&headers("\"6-running\", W/\"7-running\"")));
        assert!(version.is_known(&headers("*")));
        assert!(!version.is_known(&headers("\"7-ended\"")));
        assert!(!version.is_known(&HeaderMap::new()));
    }
}
