//! Which versions of which functions run, and in what order.

use std::sync::Arc;

use super::canary::Canary;
use super::compile::Surroundings;
use super::log::Log;
use super::stats::{Stats, VersionStats};
use super::tables::Tables;
use super::tap::Tap;
use super::{Program, Secrets, Settings};

/// What all functions of an instance share.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Lookup tables.
    pub tables: Arc<Tables>,
    /// Secrets, by name.
    pub secrets: Arc<Secrets>,
    /// What functions do.
    pub stats: Arc<Stats>,
    /// Whether components may be large, see [`Surroundings::large_components`].
    pub large_components: bool,
}

impl Around {
    /// What a version of a function may reach, which may ask for `memory`.
    pub fn of(&self, function: &str, version: u32, memory: bool) -> Surroundings {
        Surroundings {
            tables: self.tables.clone(),
            secrets: self.secrets.clone(),
            log: Arc::new(Log::new(function, version, self.stats.journal(function))),
            memory,
            large_components: self.large_components,
        }
    }
}

/// Functions that are live at the most. With their canaries they fit the set that each report carries.
pub const FUNCTIONS: usize = 64;
/// The number of what comes from a folder, which has no versions.
pub const FOLDER: u32 = 0;

/// A version of a function, ready to run.
pub struct Version {
    /// 1, 2, 3 …, or [`FOLDER`].
    pub number: u32,
    /// Its code.
    pub program: Arc<dyn Program>,
    /// How it is applied.
    pub settings: Settings,
    /// What it did on this instance.
    pub stats: Arc<VersionStats>,
    pub(super) tap: Arc<Tap>,
}

impl Version {
    /// A version that begins afresh, but for its counts: they go on where it ran before.
    pub fn new(number: u32, program: Arc<dyn Program>, settings: Settings, stats: &Stats) -> Arc<Version> {
        let counts = stats.of(program.name(), number);
        counts.begin();
        let tap = stats.tap(program.name());
        Arc::new(Version { number, program, settings, stats: counts, tap })
    }

    /// The function's name.
    pub fn function(&self) -> &str {
        self.program.name()
    }

    /// `function@version`, or the name alone for one from a folder.
    pub fn label(&self) -> String {
        match self.number {
            FOLDER => self.function().to_owned(),
            number => format!("{}@{number}", self.function()),
        }
    }
}

/// A function that is live: the version that runs, and the one that is tried beside it.
#[derive(Clone)]
pub struct Live {
    /// The version that runs.
    pub version: Arc<Version>,
    /// The version that is tried.
    pub canary: Option<Canary>,
}

impl From<Arc<Version>> for Live {
    fn from(version: Arc<Version>) -> Self {
        Live { version, canary: None }
    }
}

/// The functions that are live, in the order in which reports pass them.
pub type LiveSet = Arc<[Live]>;

/// Puts functions in order: by their settings, then by name. Those beyond [`FUNCTIONS`] are left out and returned.
pub fn in_order(mut functions: Vec<Live>) -> (LiveSet, Vec<Live>) {
    functions.sort_by(|a, b| a.place().cmp(&b.place()));
    let rest = functions.split_off(functions.len().min(FUNCTIONS));
    (functions.into(), rest)
}

impl Live {
    /// What decides where it stands.
    pub fn place(&self) -> (i32, &str) {
        (self.version.settings.order, self.version.function())
    }
}
