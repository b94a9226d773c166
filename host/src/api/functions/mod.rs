//! Functions: what they are, what they do, and all that people do with them.

mod deploy;
mod letters;
mod resource;
mod trial;
mod versions;
mod watch;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde_json::{Value, json};

use super::App;
use super::extract::{MayDeploy, Segments};
use super::hal::{self, Hal, Links};
use super::problem::{Problem, Result};
use crate::functions::check::Verdict;
use crate::functions::deploy::DeployError;
pub use letters::Replays;

/// The routes under `/api/functions`.
pub fn routes() -> Router<App> {
    let function = Router::new()
        .route("/", put(deploy::deploy).get(one).delete(deploy::delete))
        .route("/versions", get(versions::list))
        .route("/versions/{version}", get(versions::one))
        .route("/versions/{version}/code", get(versions::code))
        .route("/activate", post(deploy::activate))
        .route("/disable", post(deploy::disable))
        .route("/canary", post(deploy::canary).delete(deploy::end_canary))
        .route("/try", post(trial::attempt))
        .route("/logs", get(watch::logs))
        .route("/tap", get(watch::tap))
        .route("/dead-letters", get(letters::list).delete(letters::delete))
        .route("/dead-letters/replay", post(letters::replay));
    Router::new().route("/functions", get(list)).nest("/functions/{function}", function)
}

async fn list(State(app): State<App>, MayDeploy(may_deploy): MayDeploy) -> Result<Hal> {
    let links = Links::to_self(hal::FUNCTIONS)
        .and("tables", hal::TABLES)
        .template("function", format!("{}/{{function}}", hal::FUNCTIONS));
    Ok(Hal(hal::collection(links, "functions", resource::all(&app, may_deploy).await?)))
}

async fn one(
    State(app): State<App>,
    Segments(name): Segments<String>,
    MayDeploy(may_deploy): MayDeploy,
) -> Result<Hal> {
    Ok(Hal(resource::of(&app, &name, may_deploy).await?))
}

impl From<DeployError> for Problem {
    fn from(error: DeployError) -> Self {
        let detail = error.to_string();
        match error {
            DeployError::Refused(verdict) => refused(&verdict, detail),
            DeployError::Missing(_) => Problem::not_found(detail),
            DeployError::Conflict(_) => Problem::new(StatusCode::CONFLICT, "not as things are", detail),
            DeployError::Busy(_) => Problem::busy(detail),
            DeployError::Store(error) => error.into(),
        }
    }
}

/// Why a function was refused: the line of the script, and what became of the cases.
fn refused(verdict: &Verdict, detail: String) -> Problem {
    let title = verdict.problem.as_ref().map_or("a case failed", |problem| &problem.title);
    let detail = match verdict.cases.iter().filter(|case| !case.passed).count() {
        0 => detail,
        failed => format!("{failed} of {} cases failed; see cases for what differs", verdict.cases.len()),
    };
    let line = verdict.problem.as_ref().and_then(|problem| problem.line);
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title, detail)
        .with("line", json!(line))
        .with("cases", cases(verdict))
}

fn cases(verdict: &Verdict) -> Value {
    serde_json::to_value(&verdict.cases).unwrap_or_default()
}
