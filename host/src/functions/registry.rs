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
use super::load;
use crate::clock;
use crate::store::functions::{Activation, FunctionRow, TableRow, VersionRow};
use crate::store::{self, Store};
use crate::transform::canary::{Canary, Plan};
use crate::transform::live::{Around, in_order};
use crate::transform::loader::FolderSet;
use crate::transform::tables::{Format, Layer, Tables};
use crate::transform::{Live, LiveSet, Stats, Version};

/// How often the store is asked whether something changed.
const POLL: Duration = Duration::from_millis(500);
/// How often dead letters are looked through for those that are too old.
const EXPIRY: Duration = Duration::from_secs(600);
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
    /// Why the active version or the canary does not run here.
    pub problem: Option<String>,
}

/// What an instance knows of functions and tables.
#[derive(Clone, Default)]
pub struct Registered {
    /// Functions of the store, by name.
    pub functions: BTreeMap<String, Known>,
    /// Functions from folders that no function of the store replaces.
    pub folder: FolderSet,
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

    /// The lookup tables.
    pub fn tables(&self) -> &Arc<Tables> {
        &self.around.tables
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
            Ok(None) if Arc::ptr_eq(&old.folder, &folder) => return Ok(()),
            Ok(None) => (*old).clone(),
            Err(error) => {
                self.registered.send_modify(|registered| Arc::make_mut(registered).revision = None);
                return Err(error);
            }
        };
        new.folder = folder;
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
        Ok(Some(Registered { functions, tables, folder: old.folder.clone(), revision: Some(revision) }))
    }

    async fn load(&self, row: FunctionRow, old: &BTreeMap<String, Known>) -> store::Result<Known> {
        let old = old.get(&row.name);
        let at_hand = |number: u32| {
            let versions = old.into_iter().flat_map(|old| {
                [old.running.clone(), old.canary.as_ref().map(|canary| canary.version.clone())].into_iter().flatten()
            });
            versions.into_iter().find(|version| version.number == number)
        };
        let mut known = Known { row, active: None, running: None, canary: None, problem: None };
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
                        known.problem = Some(format!("the canary, version {number}, can't be loaded here: {problem}"));
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
        let Some((row, code)) = self.store.version(function, number).await? else { return Ok(Err(missing())) };
        let loaded = load::version(&row, code, &self.around).await;
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
                match Format::of(&row.format).map(|format| format.parse(&content)) {
                    Some(Ok(table)) => self.around.tables.set(Layer::Store, &row.name, Arc::new(table)),
                    Some(Err(error)) => tracing::error!(table = row.name, %error, "table does not load"),
                    None => tracing::error!(table = row.name, format = row.format, "table of an unknown format"),
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
        new.folder = new.folder.iter().filter(|one| !new.functions.contains_key(one.name())).cloned().collect();
        let stored = new.functions.values().filter_map(|known| {
            let version = known.running.clone()?;
            Some(Live { version, canary: known.canary.clone() })
        });
        let folder = new.folder.iter().filter_map(|one| one.version.clone()).map(Live::from);
        let (live, left_out) = in_order(stored.chain(folder).collect());
        for function in left_out {
            tracing::error!(function = function.version.label(), "left out: there are more functions than can run");
        }
        self.registered.send_replace(Arc::new(new));
        self.live.send_replace(live);
    }

    /// Ends canaries that fail too often on this instance, for all instances.
    async fn judge_canaries(&self) -> store::Result<()> {
        for (name, known) in &self.registered().functions {
            let Some(canary) = &known.canary else { continue };
            let Some(reason) = canary.fault() else { continue };
            tracing::warn!(function = name, version = canary.version.number, reason, "the canary is rolled back");
            let rolled_back = RolledBack { version: canary.version.number, reason, at: clock::now().to_string() };
            let activation = Activation {
                canary: Some(String::new()),
                // A struct of numbers and text always has a JSON form.
                rolled_back: Some(serde_json::to_string(&rolled_back).unwrap_or_default()),
                only_canary: Some(known.row.canary.clone()),
                ..Activation::default()
            };
            self.store.activate(name, &activation).await?;
            self.refresh().await?;
        }
        Ok(())
    }
}
