//! The functions of all instances: what is deployed to the store runs here, in order with those from folders.
//!
//! Each instance looks at the store's revision every [`POLL`], and at once where the store tells of a change. It loads
//! what became active; what it can't load leaves the former version running.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use upto_wire::Time;

use super::RolledBack;
use super::check::Checker;
use super::deploy::DeployError;
use super::load;
use crate::clock;
use crate::store::functions::{Activation, Content, FunctionRow, TableRow, VersionRow};
use crate::store::{self, Store};
use crate::transform::canary::{Canary, Plan};
use crate::transform::live::{Around, in_order};
use crate::transform::loader::{FolderFunction, FolderSet};
use crate::transform::tables::{Layer, Tables};
use crate::transform::{Live, LiveSet, Stats, Version};

/// How often the store is asked whether something changed.
const POLL: Duration = Duration::from_millis(500);
/// How often dead letters are looked through for those that are too old.
const EXPIRY: Duration = Duration::from_secs(600);
/// How long the store may take to count dead letters; then the last known counts are shown.
const COUNT_WAIT: Duration = Duration::from_millis(500);
/// Why a function does not run where there are others before it.
const TOO_MANY: &str = "there are more functions than can run, and this one is beyond them";
/// How long dead letters are kept.
pub const DEAD_LETTER_DAYS: i64 = 7;

/// A function of the store as this instance knows it.
#[derive(Clone)]
pub struct Known {
    /// What the store says.
    pub row: FunctionRow,
    /// The version that is active, without its code.
    pub active: Option<VersionRow>,
    /// The version that really runs.
    pub running: Option<Arc<Version>>,
    /// The version that is tried.
    pub canary: Option<Canary>,
    /// Why the active version does not run here.
    pub problem: Option<String>,
    /// The canary that is wanted and does not run here, and why.
    pub canary_problem: Option<(Plan, String)>,
}

/// What an instance knows of functions and tables.
#[derive(Clone, Default)]
pub struct Registered {
    /// Functions of the store, by name.
    pub functions: BTreeMap<String, Known>,
    /// Functions from folders that no function of the store replaces.
    pub folder: Vec<FolderFunction>,
    /// All functions from folders that this is of.
    folders: FolderSet,
    /// Tables of the store, by name.
    pub tables: BTreeMap<String, TableRow>,
    /// The store's revision that this is of; `None` before the first look, or where something could not be read.
    revision: Option<u64>,
}

/// The registry of one instance.
pub struct Registry {
    store: Arc<dyn Store>,
    around: Around,
    checker: Checker,
    folders: watch::Receiver<FolderSet>,
    /// Taken while it is being brought up to date.
    turn: Mutex<()>,
    registered: watch::Sender<Arc<Registered>>,
    live: watch::Sender<LiveSet>,
    /// Dead letters by function, when they were last counted.
    letters: watch::Sender<BTreeMap<String, u64>>,
}

impl Registry {
    /// A registry that has looked once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn open(
        store: Arc<dyn Store>,
        folders: watch::Receiver<FolderSet>,
        around: Around,
    ) -> store::Result<Arc<Registry>> {
        let registry = Registry {
            store,
            around,
            checker: Checker::default(),
            folders,
            turn: Mutex::new(()),
            registered: watch::channel(Arc::default()).0,
            live: watch::channel(LiveSet::default()).0,
            letters: watch::channel(BTreeMap::new()).0,
        };
        registry.refresh().await?;
        Ok(Arc::new(registry))
    }

    /// The functions that are live, and each set that replaces them.
    pub fn live(&self) -> watch::Receiver<LiveSet> {
        self.live.subscribe()
    }

    /// What is known now.
    pub fn registered(&self) -> Arc<Registered> {
        self.registered.borrow().clone()
    }

    /// Where they are kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(super) fn checker(&self) -> &Checker {
        &self.checker
    }

    /// Where functions log and are watched.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.around.stats
    }

    /// Whether functions may be large components.
    pub fn large_components(&self) -> bool {
        self.around.large_components
    }

    /// The lookup tables.
    pub fn tables(&self) -> &Arc<Tables> {
        &self.around.tables
    }

    /// Whether a version of the store sees reports.
    pub(super) async fn transforms(&self, row: &VersionRow, content: Content) -> Result<bool, DeployError> {
        let loaded = load::version(row, content, &self.around).await;
        let version = loaded.map_err(|problem| DeployError::Conflict(format!("it can't be loaded: {problem}")))?;
        Ok(version.program.entry_points().transform)
    }

    /// Keeps up with the store and the folders until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut folders = self.folders.clone();
        let mut expired = Instant::now();
        let mut away = false;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.store.registry_changed() => {}
                // Its other side lives as long as the server; while it ends, polling goes on.
                Ok(()) = folders.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            self.mark();
            let done = async {
                self.refresh().await?;
                self.judge_canaries().await?;
                if expired.elapsed() >= EXPIRY {
                    expired = Instant::now();
                    let kept_us = DEAD_LETTER_DAYS * 24 * 3_600_000_000;
                    self.store.expire_dead_letters(Time::from_micros(clock::now().micros() - kept_us)).await?;
                }
                store::Result::Ok(())
            };
            match done.await {
                Err(error) if !away => {
                    tracing::warn!(%error, "functions can't be brought up to date; it is tried again")
                }
                Ok(()) if away => tracing::info!("functions are up to date again"),
                _ => {}
            }
            away = self.registered.borrow().revision.is_none();
        }
    }

    /// Brings this instance up to date with the store and the folders.
    ///
    /// # Errors
    /// Those of the store; what runs goes on.
    pub async fn refresh(&self) -> store::Result<()> {
        let _turn = self.turn.lock().await;
        let old = self.registered();
        let folder = self.folders.borrow().clone();
        let looked = self.look(&old).await;
        let mut new = match looked {
            Ok(Some(new)) => new,
            Ok(None) if Arc::ptr_eq(&old.folders, &folder) => return Ok(()),
            Ok(None) => (*old).clone(),
            Err(error) => {
                self.registered.send_modify(|registered| Arc::make_mut(registered).revision = None);
                return Err(error);
            }
        };
        new.folders = folder;
        self.publish(new);
        Ok(())
    }

    /// What the store holds, loaded; `None` where nothing changed.
    async fn look(&self, old: &Registered) -> store::Result<Option<Registered>> {
        let revision = self.store.registry_revision().await?;
        if old.revision == Some(revision) {
            return Ok(None);
        }
        let tables = self.look_at_tables(&old.tables).await?;
        let mut functions = BTreeMap::new();
        for row in self.store.functions().await? {
            let known = self.load(row, &old.functions).await?;
            functions.insert(known.row.name.clone(), known);
        }
        Ok(Some(Registered { functions, tables, revision: Some(revision), ..old.clone() }))
    }

    async fn load(&self, row: FunctionRow, old: &BTreeMap<String, Known>) -> store::Result<Known> {
        let old = old.get(&row.name);
        let at_hand = |number: u32| {
            let versions = old.into_iter().flat_map(|old| {
                [old.running.clone(), old.canary.as_ref().map(|canary| canary.version.clone())].into_iter().flatten()
            });
            versions.into_iter().find(|version| version.number == number)
        };
        let mut known = Known { row, active: None, running: None, canary: None, problem: None, canary_problem: None };
        if let Some(number) = known.row.active {
            match self.version(&known.row.name, number, at_hand(number)).await? {
                Ok((row, version)) => (known.active, known.running) = (Some(row), Some(version)),
                Err((row, problem)) => {
                    known.active = row;
                    known.running = old.and_then(|old| old.running.clone());
                    let instead = known.running.as_ref().map_or_else(
                        || "nothing runs instead".to_owned(),
                        |version| format!("version {} goes on", version.number),
                    );
                    tracing::error!(function = known.row.name, version = number, problem, "can't be loaded; {instead}");
                    known.problem = Some(format!("version {number} can't be loaded here: {problem}; {instead}"));
                }
            }
        }
        if let Ok(plan) = serde_json::from_str::<Plan>(&known.row.canary) {
            let number = plan.version;
            match old.and_then(|old| old.canary.clone()).filter(|canary| canary.plan == plan) {
                Some(canary) => known.canary = Some(canary),
                None => match self.version(&known.row.name, number, at_hand(number)).await? {
                    Ok((_, version)) => known.canary = Some(Canary::new(version, plan)),
                    Err((_, problem)) => {
                        tracing::error!(function = known.row.name, version = number, problem, "canary can't be loaded");
                        let problem = format!("the canary, version {number}, can't be loaded here: {problem}");
                        known.canary_problem = Some((plan, problem));
                    }
                },
            }
        }
        Ok(known)
    }

    /// A version, loaded where it is not `at_hand`; else why it can't be.
    async fn version(
        &self,
        function: &str,
        number: u32,
        at_hand: Option<Arc<Version>>,
    ) -> store::Result<Result<(VersionRow, Arc<Version>), (Option<VersionRow>, String)>> {
        let missing = || (None, "it is not in the store".to_owned());
        if let Some(version) = at_hand {
            let rows = self.store.versions(function, Some(number + 1), 1).await?;
            let row = rows.into_iter().find(|row| row.number == number);
            return Ok(row.map(|row| (row, version)).ok_or_else(missing));
        }
        let Some((row, content)) = self.store.version(function, number).await? else { return Ok(Err(missing())) };
        let loaded = load::version(&row, content, &self.around).await;
        Ok(match loaded {
            Ok(version) => Ok((row, version)),
            Err(problem) => Err((Some(row), problem)),
        })
    }

    async fn look_at_tables(&self, old: &BTreeMap<String, TableRow>) -> store::Result<BTreeMap<String, TableRow>> {
        let mut tables = BTreeMap::new();
        for row in self.store.tables().await? {
            if old.get(&row.name).is_none_or(|old| old.sha256 != row.sha256 || old.format != row.format)
                && let Some(content) = self.store.table(&row.name).await?
            {
                match load::table(&row, content).await {
                    Ok(table) => self.around.tables.set(Layer::Store, &row.name, Arc::new(table)),
                    Err(problem) => tracing::error!(table = row.name, problem, "table does not load"),
                }
            }
            tables.insert(row.name.clone(), row);
        }
        for gone in old.keys().filter(|name| !tables.contains_key(*name)) {
            self.around.tables.remove(Layer::Store, gone);
        }
        Ok(tables)
    }

    /// Makes what is known live. A function of the store takes the place of one from a folder.
    fn publish(&self, mut new: Registered) {
        let replaced = |one: &&FolderFunction| !new.functions.contains_key(one.name());
        new.folder = new.folders.iter().filter(replaced).cloned().collect();
        let stored = new.functions.values().filter_map(|known| {
            let version = known.running.clone()?;
            Some(Live { version, canary: known.canary.clone() })
        });
        let folder = new.folder.iter().filter_map(|one| one.version.clone()).map(Live::from);
        let (live, left_out) = in_order(stored.chain(folder).collect());
        for function in left_out {
            tracing::error!(function = function.version.label(), "left out: {TOO_MANY}");
            let name = function.version.function();
            if let Some(known) = new.functions.get_mut(name) {
                (known.running, known.canary, known.problem) = (None, None, Some(TOO_MANY.to_owned()));
            }
            for one in new.folder.iter_mut().filter(|one| one.name() == name) {
                (one.version, one.problem) = (None, Some(TOO_MANY.to_owned()));
            }
        }
        self.registered.send_replace(Arc::new(new));
        self.live.send_replace(live);
    }

    /// Notes how functions do at this moment.
    fn mark(&self) {
        let now = Instant::now();
        for live in self.live.borrow().iter() {
            live.version.stats.mark(now);
            live.canary.iter().for_each(|canary| canary.version.stats.mark(now));
        }
    }

    /// How many dead letters each function has. Where the store does not answer soon, as it was when it last did.
    pub async fn dead_letters(&self) -> BTreeMap<String, u64> {
        if let Ok(Ok(counts)) = tokio::time::timeout(COUNT_WAIT, self.store.count_dead_letters()).await {
            self.letters.send_replace(counts.into_iter().collect());
        }
        self.letters.borrow().clone()
    }

    /// Ends canaries that fail too often on this instance, for all instances.
    async fn judge_canaries(&self) -> store::Result<()> {
        for (name, known) in &self.registered().functions {
            let Some(canary) = &known.canary else { continue };
            let Some(reason) = canary.fault() else { continue };
            let version = canary.version.number;
            let rolled_back = RolledBack { version, reason: reason.clone(), at: clock::now().to_string() };
            let activation = Activation {
                canary: Some(String::new()),
                // A struct of numbers and text always has a JSON form.
                rolled_back: Some(serde_json::to_string(&rolled_back).unwrap_or_default()),
                only_canary: Some(known.row.canary.clone()),
                ..Activation::default()
            };
            // Another instance may have been the first.
            if self.store.activate(name, &activation).await?.is_some() {
                tracing::warn!(function = name, version, reason, "the canary is rolled back");
            }
            self.refresh().await?;
        }
        Ok(())
    }
}
