//! Deploying, activating, rolling back, deleting.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::extract::{Author, Segments};
use super::super::hal::Hal;
use super::super::problem::{Problem, Result};
use super::super::{App, body};
use super::resource;
use crate::functions::deploy::{CASES, Candidate, refuse};
use crate::transform::canary::Plan;
use crate::transform::settings::SettingsText;
use crate::transform::{Language, Settings, budget};

/// Bytes of a body that only says what to do.
const MAX_ORDER: usize = 64 << 10;

/// How large a body may be that holds a function: a component in base64 with its cases. A large one is read also where it
/// is refused then: its check says why, and who is still sending would not hear it.
pub fn limit(app: &App) -> body::Limit {
    let bytes = |component: usize| component / 3 * 4 + CASES + (1 << 20);
    let sent = bytes(budget::LARGE_COMPONENT);
    match app.registry.large_components() {
        true => body::Limit { sent, unpacked: sent, advice: "no component is larger" },
        false => body::Limit { sent, unpacked: bytes(budget::COMPONENT), advice: "--large-components lets in more" },
    }
}

/// A function as JSON, whatever is to be done with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionText {
    language: Option<String>,
    source: Option<String>,
    component_base64: Option<String>,
    cases: Option<Value>,
    settings: Option<SettingsText>,
    activate: Option<bool>,
}

impl FunctionText {
    /// Whether it has code of its own.
    pub fn has_code(&self) -> bool {
        self.source.is_some() || self.component_base64.is_some()
    }

    /// The function that is meant.
    pub fn candidate(self, name: &str) -> Result<Candidate> {
        let both = "give \"language\" and either \"source\" (Lua) or \"component_base64\" (Wasm)";
        let (language, code) = match (self.source, self.component_base64) {
            (Some(source), None) => (Language::Lua, source.into()),
            (None, Some(text)) => (Language::Wasm, decode(&text)?),
            _ => return Err(Problem::bad_request(both)),
        };
        if self.language.is_some_and(|word| Language::of(&word) != Some(language)) {
            return Err(Problem::bad_request(both));
        }
        let settings = settings(name, self.settings.unwrap_or_default())?;
        let cases = self.cases.map_or_else(|| Ok(no_cases()), cases)?;
        Ok(Candidate { name: name.to_owned(), language, code, cases, settings })
    }

    /// That function with these cases and settings, where they are given.
    pub fn over(self, mut deployed: Candidate) -> Result<Candidate> {
        if self.language.is_some_and(|word| Language::of(&word) != Some(deployed.language)) {
            let detail = format!("the function is {}; leave \"language\" out", deployed.language.as_str());
            return Err(Problem::bad_request(detail));
        }
        if let Some(text) = self.settings {
            deployed.settings = settings(&deployed.name, text)?;
        }
        if let Some(given) = self.cases {
            deployed.cases = cases(given)?;
        }
        Ok(deployed)
    }
}

fn settings(name: &str, text: SettingsText) -> Result<Settings> {
    Ok(Settings::resolve(name, text).map_err(|error| refuse("bad settings", error))?)
}

fn cases(given: Value) -> Result<Box<RawValue>> {
    Ok(serde_json::value::to_raw_value(&given).map_err(|error| refuse("bad cases", error.to_string()))?)
}

fn decode(text: &str) -> Result<Bytes> {
    let decoded = STANDARD.decode(text).map(Bytes::from);
    decoded.map_err(|error| Problem::bad_request(format!("component_base64 is no base64: {error}")))
}

/// An empty list.
pub fn no_cases() -> Box<RawValue> {
    RawValue::from_string("[]".to_owned()).expect("a list is JSON")
}

/// Makes a version of the function in the body.
pub async fn deploy(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Author(author): Author,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let language = match kind.split(';').next().unwrap_or_default().trim() {
        "text/x-lua" => Some(Language::Lua),
        "application/wasm" => Some(Language::Wasm),
        "application/json" => None,
        other => {
            let detail = format!("Content-Type is {other:?}; use text/x-lua, application/wasm or application/json");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong content type", detail));
        }
    };
    // The place is kept until the function is checked, as it is held until then.
    let (candidate, activate, _room) = match language {
        Some(language) => {
            let (code, room) = body::read(&app, &headers, body, limit(&app)).await?;
            let settings = Settings::of(&name);
            (Candidate { name: name.clone(), language, code, cases: no_cases(), settings }, true, room)
        }
        None => {
            let (text, room): (FunctionText, _) = body::json_with_room(&app, &headers, body, limit(&app)).await?;
            let activate = text.activate.unwrap_or(true);
            (text.candidate(&name)?, activate, room)
        }
    };
    let deployed = app.registry.deploy(candidate, activate, &author).await?;
    let mut function = resource::of(&app, &name, true).await?;
    function["version"] = json!(deployed.version);
    function["cases"] = json!({"passed": deployed.cases});
    let status = if deployed.made && deployed.version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Hal(function)).into_response())
}

/// Which version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Activate {
    version: u32,
}

pub async fn activate(
    State(app): State<App>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Hal> {
    let Activate { version } = body::json(&app, &headers, body, MAX_ORDER).await?;
    app.registry.activate(&name, version).await?;
    Ok(Hal(resource::of(&app, &name, true).await?))
}

/// An order without particulars. It is JSON all the same, so that no foreign page can give it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub async fn disable(
    State(app): State<App>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Hal> {
    let Nothing {} = body::json(&app, &headers, body, MAX_ORDER).await?;
    app.registry.disable(&name).await?;
    Ok(Hal(resource::of(&app, &name, true).await?))
}

pub async fn canary(
    State(app): State<App>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Hal> {
    let plan: Plan = body::json(&app, &headers, body, MAX_ORDER).await?;
    app.registry.try_canary(&name, &plan).await?;
    Ok(Hal(resource::of(&app, &name, true).await?))
}

pub async fn end_canary(State(app): State<App>, Segments(name): Segments<String>) -> Result<Hal> {
    app.registry.end_canary(&name).await?;
    Ok(Hal(resource::of(&app, &name, true).await?))
}

pub async fn delete(State(app): State<App>, Segments(name): Segments<String>) -> Result<StatusCode> {
    app.registry.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
