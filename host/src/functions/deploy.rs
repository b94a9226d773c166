//! What people do with functions: deploy, activate, roll back, try, delete.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::RolledBack;
use super::check::{CheckError, Problem, Trial, Verdict, tables_for};
use super::registry::{Known, Registry};
use crate::clock;
use crate::store::StoreError;
use crate::store::functions::{Activation, Added, NewVersion};
use crate::transform::canary::Plan;
use crate::transform::compile::check_name;
use crate::transform::live::FUNCTIONS;
use crate::transform::{Language, Settings};

/// Bytes of the cases of one version.
pub const CASES: usize = 1 << 20;

/// A function that is to be deployed or tried.
#[derive(Debug)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// Its code.
    pub code: Bytes,
    /// Its cases: a JSON list.
    pub cases: Box<RawValue>,
    /// Its settings.
    pub settings: Settings,
}

/// A version that was made, or was there already.
#[derive(Debug)]
pub struct Deployed {
    /// Its number.
    pub version: u32,
    /// Whether it was made now.
    pub made: bool,
    /// Cases that passed.
    pub cases: usize,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The function is not fit for use.
    #[error("{}", .0.problem.as_ref().map_or("a case failed", |problem| &problem.detail))]
    Refused(Box<Verdict>),
    /// There is no such function or version.
    #[error("{0}")]
    Missing(String),
    /// It can't be done as things are.
    #[error("{0}")]
    Conflict(String),
    /// It may work later.
    #[error("{0}")]
    Busy(String),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CheckError> for DeployError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Busy(reason) => DeployError::Busy(reason),
            CheckError::Exceeded(detail) => refuse("the function is too large to be checked", detail),
        }
    }
}

/// A refusal for one reason.
pub fn refuse(title: &str, detail: impl Into<String>) -> DeployError {
    DeployError::Refused(Box::new(Verdict { problem: Some(Problem::new(title, detail)), ..Verdict::default() }))
}

impl Registry {
    /// Checks a function, makes it a version, and has it run where that is wanted. Once this returns, it runs on this
    /// instance; on the others within two seconds.
    ///
    /// # Errors
    /// [`DeployError`]; nothing has changed then.
    pub async fn deploy(&self, candidate: Candidate, activate: bool, author: &str) -> Result<Deployed, DeployError> {
        let name = &candidate.name;
        let registered = self.registered();
        if registered.folder.iter().any(|one| one.name() == name) {
            let detail = format!(
                "the function {name:?} comes from a folder of the server: remove its file, or choose another name"
            );
            return Err(DeployError::Conflict(detail));
        }
        if !registered.functions.contains_key(name) && registered.functions.len() >= FUNCTIONS {
            return Err(DeployError::Conflict(format!("there are {FUNCTIONS} functions already; delete one first")));
        }
        let verdict = self.check(&candidate, Vec::new(), None).await?;
        if verdict.problem.is_some() || verdict.cases.iter().any(|case| !case.passed) {
            return Err(DeployError::Refused(Box::new(verdict)));
        }
        let new = NewVersion {
            function: candidate.name,
            language: candidate.language.as_str().to_owned(),
            sha256: Sha256::digest(&candidate.code).into(),
            code: candidate.code.into(),
            cases: candidate.cases.get().to_owned(),
            settings: candidate.settings.to_json(),
            author: author.to_owned(),
            created_at: clock::now(),
            activate,
        };
        let Added { number: version, made } = self.store().add_version(&new).await?;
        self.follow().await;
        tracing::info!(function = new.function, version, activate, author, "function deployed");
        Ok(Deployed { version, made, cases: verdict.cases.len() })
    }

    /// Compiles a function, runs its cases and tries it on reports, or on the `last` of them that concern it, all in a
    /// process of its own. Nothing is kept.
    ///
    /// # Errors
    /// [`DeployError`] where there is no verdict; that it does not compile is one.
    pub async fn check(
        &self,
        candidate: &Candidate,
        reports: Vec<Value>,
        last: Option<usize>,
    ) -> Result<Verdict, DeployError> {
        check_name(&candidate.name).map_err(|error| refuse("bad name", error.to_string()))?;
        if candidate.cases.get().len() > CASES {
            return Err(refuse("too many cases", format!("the cases have more than {CASES} bytes")));
        }
        let (name, language) = (candidate.name.clone(), candidate.language.as_str().to_owned());
        let (code, cases) = (candidate.code.clone(), Some(candidate.cases.clone()));
        let (settings, tables) = (candidate.settings.to_json(), self.tables().clone());
        let large_components = self.large_components();
        let trial = move || {
            let tables = tables_for(&code, &tables)?;
            Ok(Trial { name, language, code, cases, settings, reports, last, large_components, tables })
        };
        Ok(self.checker().check(trial).await?)
    }

    /// Has a version run from now on: also the way back to an older one. A canary ends, and one that failed is no fault
    /// any more once it runs.
    ///
    /// # Errors
    /// [`DeployError`]
    pub async fn activate(&self, function: &str, version: u32) -> Result<(), DeployError> {
        // Another instance may have made the function just now: then there is none either.
        let known = self.known(function).ok();
        let rolled_back = known.and_then(|known| serde_json::from_str::<RolledBack>(&known.row.rolled_back).ok());
        let activation = Activation {
            active: Some(Some(version)),
            canary: Some(String::new()),
            rolled_back: rolled_back.is_some_and(|failed| failed.version == version).then(String::new),
            ..Activation::default()
        };
        self.change(function, &activation, format!("the function {function:?} has no version {version}")).await
    }

    /// Lets no version run.
    ///
    /// # Errors
    /// [`DeployError`]
    pub async fn disable(&self, function: &str) -> Result<(), DeployError> {
        let activation = Activation { active: Some(None), canary: Some(String::new()), ..Activation::default() };
        self.change(function, &activation, no_function(function)).await
    }

    /// Tries a version beside the one that runs.
    ///
    /// # Errors
    /// [`DeployError`]
    pub async fn try_canary(&self, function: &str, plan: &Plan) -> Result<(), DeployError> {
        plan.check().map_err(|error| refuse("bad canary", error))?;
        let Known { row, .. } = self.known(function)?;
        if row.active.is_none() || row.active == Some(plan.version) {
            let detail = "a canary is a version beside the active one: activate another version first";
            return Err(DeployError::Conflict(detail.to_owned()));
        }
        let missing = || format!("the function {function:?} has no version {}", plan.version);
        let found = self.store().version(function, plan.version).await?;
        let (version, content) = found.ok_or_else(|| DeployError::Missing(missing()))?;
        if !self.transforms(&version, content).await? {
            let detail = format!("version {} has no \"transform\", and so nothing to try on reports", plan.version);
            return Err(DeployError::Conflict(detail));
        }
        // Numbers and words always have a JSON form.
        let canary = Some(serde_json::to_string(plan).unwrap_or_default());
        let activation = Activation { canary, rolled_back: Some(String::new()), ..Activation::default() };
        self.change(function, &activation, missing()).await
    }

    /// Ends the trial; the version that runs goes on.
    ///
    /// # Errors
    /// [`DeployError`]
    pub async fn end_canary(&self, function: &str) -> Result<(), DeployError> {
        let activation = Activation { canary: Some(String::new()), ..Activation::default() };
        self.change(function, &activation, no_function(function)).await
    }

    /// Deletes a function with its versions and dead letters.
    ///
    /// # Errors
    /// [`DeployError`]
    pub async fn delete(&self, function: &str) -> Result<(), DeployError> {
        if !self.store().delete_function(function).await? {
            return Err(DeployError::Missing(no_function(function)));
        }
        tracing::info!(function, "function deleted");
        self.follow().await;
        self.stats().forget(function);
        Ok(())
    }

    /// What is known of a function of the store.
    ///
    /// # Errors
    /// [`DeployError::Missing`]
    pub fn known(&self, function: &str) -> Result<Known, DeployError> {
        let missing = || DeployError::Missing(no_function(function));
        self.registered().functions.get(function).cloned().ok_or_else(missing)
    }

    async fn change(&self, function: &str, activation: &Activation, missing: String) -> Result<(), DeployError> {
        if self.store().activate(function, activation).await?.is_none() {
            return Err(DeployError::Missing(missing));
        }
        let Activation { active, canary, .. } = activation;
        let version = active.flatten();
        tracing::info!(function, version, canary, "function changed");
        self.follow().await;
        Ok(())
    }

    /// Takes a change of the store over at once. Where that fails, the next look does it.
    async fn follow(&self) {
        if let Err(error) = self.refresh().await {
            tracing::warn!(%error, "a change of functions is taken over later");
        }
    }
}

fn no_function(function: &str) -> String {
    format!("no function {function:?} was deployed")
}
