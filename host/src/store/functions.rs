//! What a store keeps for functions: their versions, which of them are live, lookup tables, and dead letters.
//!
//! It knows nothing of languages or settings: code, cases and settings are bytes and text that others understand.

use async_trait::async_trait;
use upto_wire::Time;

use super::Result;

/// Dead letters of one function that are kept; the oldest go first.
pub const DEAD_LETTERS: u32 = 10_000;

/// A function: which of its versions are live. It has no code of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionRow {
    /// Its name.
    pub name: String,
    /// The number of its newest version; they count from 1 without gaps.
    pub versions: u32,
    /// The version that runs; none while it is disabled.
    pub active: Option<u32>,
    /// How a second version is tried beside it, as JSON that `functions` understands; empty for not at all.
    pub canary: String,
    /// What ended the last canary by itself, as JSON; empty for nothing.
    pub rolled_back: String,
}

/// What changes of a function without a new version. `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activation {
    /// The version to run, or none of them.
    pub active: Option<Option<u32>>,
    /// See [`FunctionRow::canary`].
    pub canary: Option<String>,
    /// See [`FunctionRow::rolled_back`].
    pub rolled_back: Option<String>,
    /// Do it only while this is the canary: whoever rolls it back must not end another one.
    pub only_canary: Option<String>,
}

impl FunctionRow {
    /// What an activation makes of it; `None` where `only_canary` does not hold.
    pub(super) fn with(&self, activation: &Activation) -> Option<FunctionRow> {
        if activation.only_canary.as_ref().is_some_and(|canary| *canary != self.canary) {
            return None;
        }
        let text = |new: &Option<String>, old: &String| new.as_ref().unwrap_or(old).clone();
        Some(FunctionRow {
            name: self.name.clone(),
            versions: self.versions,
            active: activation.active.unwrap_or(self.active),
            canary: text(&activation.canary, &self.canary),
            rolled_back: text(&activation.rolled_back, &self.rolled_back),
        })
    }
}

/// A version, without its content.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionRow {
    /// The function.
    pub function: String,
    /// 1, 2, 3 … per function. They are not used again after the function was deleted.
    pub number: u32,
    /// The word for its language.
    pub language: String,
    /// SHA-256 of the code.
    pub sha256: [u8; 32],
    /// Bytes of the code.
    pub size: u64,
    /// How many cases it has.
    pub cases: u32,
    /// Its settings, as JSON.
    pub settings: String,
    /// Who deployed it; empty where nobody said.
    pub author: String,
    /// When.
    pub created_at: Time,
}

/// What of a version may be large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The code.
    pub code: Vec<u8>,
    /// The cases, as the author wrote them: a JSON list.
    pub cases: String,
}

/// What became of a version that was to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// Its number.
    pub number: u32,
    /// Whether it was made now; else it is the newest one, which is the same.
    pub made: bool,
}

/// A version to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVersion {
    /// The function, made if it does not exist.
    pub function: String,
    /// The word for its language.
    pub language: String,
    /// The code.
    pub code: Vec<u8>,
    /// SHA-256 of the code.
    pub sha256: [u8; 32],
    /// Its cases: a JSON list.
    pub cases: String,
    /// Its settings, as JSON.
    pub settings: String,
    /// Who deploys it.
    pub author: String,
    /// When.
    pub created_at: Time,
    /// Whether it runs from now on. A canary then ends.
    pub activate: bool,
}

/// A lookup table, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// Its name.
    pub name: String,
    /// `csv` or `json`.
    pub format: String,
    /// How many rows it has.
    pub rows: u32,
    /// Bytes of its content.
    pub size: u64,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
    /// When it was put there.
    pub changed_at: Time,
}

/// A report that a function failed on and that was kept for later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Unique over all instances; grows with time on each of them. Adding it again changes nothing.
    pub id: String,
    /// The function that failed.
    pub function: String,
    /// Its version; 0 for a function from a folder.
    pub version: u32,
    /// The kind of failure.
    pub cause: String,
    /// What happened.
    pub reason: String,
    /// The report as that function was given it, as JSON.
    pub report: String,
    /// When it failed.
    pub at: Time,
}

/// Where functions are kept, shared by all instances. A deleted function is not listed, but its numbers go on where it is
/// made again.
#[async_trait]
pub trait FunctionStore: Send + Sync + 'static {
    /// Grows with every change of functions or tables: cheap enough to ask for every second.
    async fn registry_revision(&self) -> Result<u64>;

    /// Returns when functions or tables may have changed. It may never return, and may miss a change: whoever waits also
    /// polls. Giving up on waiting loses nothing; of several who wait on the same handle one is told.
    async fn registry_changed(&self);

    /// All functions, by name.
    async fn functions(&self) -> Result<Vec<FunctionRow>>;

    /// Makes a version. The same language, code, cases and settings as the newest version make no other one: that one is
    /// told, and activated if so asked.
    async fn add_version(&self, new: &NewVersion) -> Result<Added>;

    /// Versions of a function, newest first, those with numbers under `before`.
    async fn versions(&self, function: &str, before: Option<u32>, limit: u32) -> Result<Vec<VersionRow>>;

    /// A version with its content.
    async fn version(&self, function: &str, number: u32) -> Result<Option<(VersionRow, Content)>>;

    /// Changes what is live. `None` where there is no such function or version, or where `only_canary` does not hold.
    async fn activate(&self, function: &str, activation: &Activation) -> Result<Option<FunctionRow>>;

    /// Deletes a function with its versions and dead letters. Tells whether there was one.
    async fn delete_function(&self, function: &str) -> Result<bool>;

    /// All tables, by name.
    async fn tables(&self) -> Result<Vec<TableRow>>;

    /// The content of a table.
    async fn table(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Makes or replaces a table. The same content changes nothing.
    async fn put_table(&self, row: &TableRow, content: &[u8]) -> Result<()>;

    /// Deletes a table. Tells whether there was one.
    async fn delete_table(&self, name: &str) -> Result<bool>;

    /// Keeps dead letters; those that are kept already change nothing. Of each function the newest [`DEAD_LETTERS`] stay.
    async fn add_dead_letters(&self, letters: &[DeadLetter]) -> Result<()>;

    /// Dead letters of a function by id, those after `after`.
    async fn dead_letters(&self, function: &str, after: Option<&str>, limit: u32) -> Result<Vec<DeadLetter>>;

    /// How many dead letters each function has, by name; functions without any are left out.
    async fn count_dead_letters(&self) -> Result<Vec<(String, u64)>>;

    /// Deletes dead letters of a function: those of the ids, or all.
    async fn delete_dead_letters(&self, function: &str, ids: Option<&[String]>) -> Result<u64>;

    /// Deletes the dead letters that are older than `before`, of all functions.
    async fn expire_dead_letters(&self, before: Time) -> Result<u64>;
}
