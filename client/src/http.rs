//! Reports by HTTP: a POST each, answered once the report is stored.

use std::sync::OnceLock;

use serde_json::Value;
use ureq::Agent;
use ureq::http::HeaderValue;

use crate::{SendError, TIMEOUT, Target};

/// As much of an error's body as is read, in bytes.
const ERROR_BODY: u64 = 16 * 1024;
/// As much of the server's words as is passed on, in characters.
const DETAIL: usize = 300;

pub(crate) struct Http {
    url: String,
    /// `Err` for a token that no header can carry.
    authorization: Option<Result<HeaderValue, ()>>,
    agent: OnceLock<Agent>,
}

impl Http {
    pub(crate) fn new(target: &Target) -> Self {
        Http { url: format!("{target}/api/events"), authorization: None, agent: OnceLock::new() }
    }

    pub(crate) fn set_token(&mut self, token: &str) {
        let header = HeaderValue::try_from(format!("Bearer {token}")).map(|mut value| {
            value.set_sensitive(true);
            value
        });
        self.authorization = Some(header.map_err(drop));
    }

    /// Posts one report and waits for the answer.
    pub(crate) fn send(&self, target: &Target, body: &[u8]) -> Result<(), SendError> {
        let mut request = self.agent.get_or_init(agent).post(&self.url).header("content-type", "application/msgpack");
        match &self.authorization {
            Some(Ok(value)) => request = request.header("authorization", value),
            Some(Err(())) => return Err(SendError::Token),
            None => {}
        }
        let failed = |error: ureq::Error| SendError::Http { target: target.clone(), reason: error.to_string() };
        let mut response = request.send(body).map_err(failed)?;
        if response.status().is_success() {
            return Ok(());
        }
        let body = response.body_mut().with_config().limit(ERROR_BODY).read_to_string().unwrap_or_default();
        Err(SendError::Answer { target: target.clone(), status: response.status().as_u16(), detail: detail(&body) })
    }
}

/// No proxy and no redirect: reports go to the server that was named, and so does the token. No connection is used
/// twice, as the server may have closed it since, and a report would be lost to find that out.
fn agent() -> Agent {
    Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(concat!("upto-client/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// What problem details say, after a colon: the report's own rejection before the request's.
fn detail(body: &str) -> String {
    let Ok(problem) = serde_json::from_str::<Value>(body) else { return String::new() };
    let text = ["/rejected/0/detail", "/detail", "/title"].iter().find_map(|at| problem.pointer(at)?.as_str());
    let printable = |c: &char| !c.is_control();
    text.map_or_else(String::new, |text| {
        format!(": {}", text.chars().filter(printable).take(DETAIL).collect::<String>())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reports_own_rejection_is_told_first() {
        let both = r#"{"detail": "every report was refused", "rejected": [{"index": 0, "detail": "no \u001bname"}]}"#;
        assert_eq!(detail(both), ": no name");
        assert_eq!(detail(r#"{"title": "not allowed"}"#), ": not allowed");
        assert_eq!(detail("<html>"), "");
        assert!(detail(&format!(r#"{{"detail": "{}"}}"#, "x".repeat(5_000))).len() < 400);
    }
}
