//! The API of a server, as the tools use it.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use ureq::http::{Method, Request, Response};
use ureq::{Agent, Body};

use super::ToolError;
use crate::config::functions::ServerArgs;
use crate::functions::cases::CaseVerdict;

/// How long a server may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long it may be silent: a check that waits for its turn takes half of it. A tap that has nothing to tell says so
/// more often.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer.
const ANSWER: u64 = 64 << 20;

/// A server.
pub struct Server {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// Why the server did not do it.
#[derive(Debug, Default, Deserialize, thiserror::Error)]
#[serde(default)]
pub struct Refusal {
    title: String,
    detail: String,
    /// The line of the script, where one is known.
    pub line: Option<u32>,
    /// What became of the cases.
    pub cases: Vec<CaseVerdict>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl Server {
    /// The server that is meant.
    pub fn at(args: &ServerArgs) -> Result<Server, ToolError> {
        let url = args.url.trim_end_matches('/');
        if !url.starts_with("http://") {
            let hint = "say which server with --server http://HOST:PORT (UPTO_URL may be one for datagrams, or for TLS, \
                        which takes a proxy on this machine)";
            return Err(ToolError::Unusable(format!("{url:?} is no address of an API; {hint}")));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE));
        Ok(Server { agent: config.build().into(), url: url.to_owned(), token: ServerArgs::token() })
    }

    /// Gets a resource.
    pub fn get(&self, path: &str) -> Result<Value, ToolError> {
        self.json(self.send(Method::GET, path, None)?)
    }

    /// Puts a resource.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value, ToolError> {
        self.json(self.send(Method::PUT, path, Some(body))?)
    }

    /// Gives an order.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, ToolError> {
        self.json(self.send(Method::POST, path, Some(body))?)
    }

    /// Deletes a resource.
    pub fn delete(&self, path: &str) -> Result<(), ToolError> {
        self.send(Method::DELETE, path, None).map(|_| ())
    }

    /// The lines of an answer that does not end.
    pub fn lines(&self, path: &str) -> Result<impl Iterator<Item = std::io::Result<String>>, ToolError> {
        let answer = self.send(Method::GET, path, None)?;
        Ok(BufReader::new(answer.into_body().into_reader()).lines())
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response<Body>, ToolError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let unusable = |error: ureq::http::Error| ToolError::Unusable(format!("{}: {error}", self.url));
        let answer = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json").body(body.to_string());
                self.agent.run(request.map_err(unusable)?)
            }
            None => self.agent.run(request.body(()).map_err(unusable)?),
        };
        let answer = answer.map_err(|error| self.away(&error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refusal(answer)) }
    }

    fn json(&self, mut answer: Response<Body>) -> Result<Value, ToolError> {
        let text = answer.body_mut().with_config().limit(ANSWER).read_to_string();
        let text = text.map_err(|error| self.away(&error))?;
        serde_json::from_str(&text).map_err(|_| self.stranger())
    }

    fn refusal(&self, mut answer: Response<Body>) -> ToolError {
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(ANSWER).read_to_string().unwrap_or_default();
        let Ok(refusal) = serde_json::from_str::<Refusal>(&text) else { return self.stranger() };
        match status.as_u16() {
            401 | 403 => ToolError::Unusable(format!("{refusal}; set UPTO_TOKEN to a token of this server")),
            500.. => ToolError::Unusable(format!("{}: {refusal}", self.url)),
            _ => ToolError::Refused(Box::new(refusal)),
        }
    }

    fn away(&self, error: &ureq::Error) -> ToolError {
        let hint = "is a server there? Say which one with --server or UPTO_URL";
        ToolError::Unusable(format!("{}: {error}; {hint}", self.url))
    }

    fn stranger(&self) -> ToolError {
        ToolError::Unusable(format!("{} answers, but not as an upto of this version does", self.url))
    }
}

/// The path of a function's resource.
pub fn function(name: &str) -> Result<String, ToolError> {
    let named = crate::transform::compile::check_name(name);
    named.map(|()| format!("/api/functions/{name}")).map_err(|error| ToolError::Unusable(format!("{name:?}: {error}")))
}

/// A link of a resource.
pub fn link<'a>(resource: &'a Value, name: &str) -> Option<&'a str> {
    resource["_links"][name]["href"].as_str()
}
