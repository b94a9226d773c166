//! The folders of functions and tables: loads them and reloads what changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::Watcher;
use tokio::sync::{mpsc, watch};

use super::compile::{self, compile};
use super::live::{Around, FOLDER, FUNCTIONS};
use super::tables::{self, Layer};
use super::{Settings, Version, budget};

/// How long a folder must be quiet after a change: an editor writes in several steps.
const QUIET: Duration = Duration::from_millis(100);
/// How often the folders are looked at where no change was told, as on a network's file system.
const POLL: Duration = Duration::from_secs(3);
/// Bytes of a file of settings.
const SETTINGS: u64 = 64 << 10;

/// Why there is nothing to watch.
#[derive(Debug, thiserror::Error)]
#[error("the folder {} of {option} can't be read: {error}", folder.display())]
pub struct LoadError {
    option: &'static str,
    folder: PathBuf,
    error: io::Error,
}

/// A function from a folder.
#[derive(Clone)]
pub struct FolderFunction {
    /// Its file's name.
    pub file: String,
    /// Where its file is.
    pub path: PathBuf,
    /// What runs; none where it never loaded.
    pub version: Option<Arc<Version>>,
    /// Why the file, as it is now, does not load.
    pub problem: Option<String>,
}

/// All functions from folders, by file name.
pub type FolderSet = Arc<[FolderFunction]>;

/// Loads functions from folders and keeps them up to date.
pub struct Loader {
    folders: Folders,
    functions: watch::Sender<FolderSet>,
}

impl FolderFunction {
    /// Its name, as its file tells it.
    pub fn name(&self) -> &str {
        Path::new(&self.file).file_stem().and_then(|stem| stem.to_str()).unwrap_or(&self.file)
    }
}

impl Loader {
    /// Loads all functions. One that does not compile is logged and left out. It blocks: call it before serving.
    ///
    /// # Errors
    /// A [`LoadError`] for a folder that does not exist or can't be read.
    pub fn new(scripts: Option<PathBuf>, plugins: Option<PathBuf>, around: Around) -> Result<Loader, LoadError> {
        for (option, folder) in [("--scripts", &scripts), ("--plugins", &plugins)] {
            if let Some(folder) = folder {
                let refuse = |error| LoadError { option, folder: folder.clone(), error };
                fs::read_dir(folder).map_err(refuse)?;
            }
        }
        let paths = [scripts, plugins].into_iter().flatten().collect();
        let mut folders = Folders { paths, around, ..Folders::default() };
        folders.rescan();
        let (functions, _) = watch::channel(folders.functions());
        Ok(Loader { folders, functions })
    }

    /// The functions as they are, and each set that replaces them.
    pub fn functions(&self) -> watch::Receiver<FolderSet> {
        self.functions.subscribe()
    }

    /// Reloads what changes until `shutdown`. Files that did not change keep their compiled version.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Loader { mut folders, functions } = self;
        let (tell, mut told) = mpsc::channel(1);
        let _watcher = watch_folders(&folders.paths, tell);
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(POLL) => {}
                Some(()) = told.recv() => {
                    // Changes that come while it waits are one with the first; the last of them starts another round.
                    tokio::time::sleep(QUIET).await;
                    while told.try_recv().is_ok() {}
                }
            }
            let scan = move || {
                let changed = folders.rescan();
                (folders, changed)
            };
            let changed;
            (folders, changed) = match tokio::task::spawn_blocking(scan).await {
                Ok(done) => done,
                Err(error) => return tracing::error!(%error, "functions are no longer reloaded"),
            };
            if changed {
                functions.send_replace(folders.functions());
            }
        }
    }
}

/// Tells of changes in the folders and their tables. Where that is not possible, polling remains.
fn watch_folders(folders: &[PathBuf], tell: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let on_event = move |event: notify::Result<notify::Event>| {
        if !event.is_ok_and(|event| event.kind.is_access()) {
            // A full channel already holds the news.
            let _ = tell.try_send(());
        }
    };
    let watched = notify::recommended_watcher(on_event).and_then(|mut watcher| {
        for folder in folders {
            watcher.watch(folder, notify::RecursiveMode::Recursive)?;
        }
        Ok(watcher)
    });
    watched.inspect_err(|error| tracing::warn!(%error, "folders of functions are polled")).ok()
}

/// A file that was read, and what came of it.
struct Loaded<T> {
    seen: Seen,
    hash: u64,
    value: T,
}

/// What tells that a file changed, without reading it.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Seen {
    file: Stamp,
    /// That of the file of settings.
    settings: Option<Stamp>,
}

#[derive(PartialEq, Eq, Clone, Copy)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    /// 0 where the system has none. Replacing a file by another gives it another number.
    inode: u64,
}

impl Seen {
    fn of(path: &Path) -> io::Result<Seen> {
        Ok(Seen { file: Stamp::of(path)?, settings: Stamp::of(&settings_of(path)).ok() })
    }

    fn is_fresh(&self) -> bool {
        self.file.is_fresh() || self.settings.is_some_and(|settings| settings.is_fresh())
    }
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Stamp> {
        let metadata = fs::metadata(path)?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Stamp { modified: metadata.modified().ok(), size: metadata.len(), inode })
    }

    /// Whether a file may change again within the resolution of its time, so that equal times tell nothing.
    fn is_fresh(&self) -> bool {
        self.modified.is_none_or(|time| time.elapsed().unwrap_or_default() < Duration::from_secs(2))
    }
}

#[derive(Default)]
struct Folders {
    paths: Vec<PathBuf>,
    around: Around,
    /// By file name.
    functions: BTreeMap<String, Loaded<FolderFunction>>,
    table_files: BTreeMap<PathBuf, Loaded<()>>,
    /// Files that were left out and told of, so that they are not told of each time.
    left_out: BTreeSet<PathBuf>,
}

impl Folders {
    fn functions(&self) -> FolderSet {
        self.functions.values().map(|loaded| loaded.value.clone()).collect()
    }

    /// Reads what changed. Tells whether the set of functions is another one.
    fn rescan(&mut self) -> bool {
        self.rescan_tables();
        let Some(files) = self.list() else { return false };
        let before = self.functions.len();
        self.functions.retain(|name, _| {
            let stays = files.contains_key(name);
            if !stays {
                tracing::info!(file = name, "function removed");
            }
            stays
        });
        let mut changed = self.functions.len() != before;
        for (name, path) in files {
            changed |= self.reload(name, &path);
        }
        changed
    }

    /// The functions' files by name, or `None` where a folder can't be read, which leaves all as it is.
    fn list(&mut self) -> Option<BTreeMap<String, PathBuf>> {
        let mut files = BTreeMap::new();
        let mut stems = BTreeSet::new();
        for folder in &self.paths {
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(error) => {
                    tracing::error!(folder = %folder.display(), %error, "folder of functions can't be read; all stay");
                    return None;
                }
            };
            for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
                if compile::language(&path).is_some() && path.is_file() {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    files.insert(name, path);
                }
            }
        }
        files.retain(|name, path| {
            let first = stems.len() < FUNCTIONS && stems.insert(path.file_stem().map(ToOwned::to_owned));
            if !first && self.left_out.insert(path.clone()) {
                tracing::error!(file = name, "left out: another function has its name, or there are over {FUNCTIONS}");
            }
            first
        });
        Some(files)
    }

    /// Loads a function's file if it is new or changed. Tells whether anything of the function is another.
    fn reload(&mut self, name: String, path: &Path) -> bool {
        let old = self.functions.get_mut(&name);
        let (seen, hash, files) = match look(path, old.as_ref().map(|old| (old.seen, old.hash))) {
            Look::Same => return false,
            Look::Touched(seen) => {
                if let Some(old) = old {
                    old.seen = seen;
                }
                return false;
            }
            Look::New(seen, hash, files) => (seen, hash, files),
        };
        let known = old.and_then(|old| old.value.version.clone());
        let value = match self.load(path, &files) {
            Ok(version) => {
                tracing::info!(file = name, "function loaded");
                FolderFunction { file: name.clone(), path: path.into(), version: Some(version), problem: None }
            }
            Err(problem) => {
                let then = if known.is_some() { "its old version stays" } else { "it is left out" };
                tracing::error!(file = name, error = problem, "function does not load; {then}");
                FolderFunction { file: name.clone(), path: path.into(), version: known, problem: Some(problem) }
            }
        };
        self.functions.insert(name, Loaded { seen, hash, value });
        true
    }

    fn load(&self, path: &Path, files: &Files) -> Result<Arc<Version>, String> {
        let name = compile::name(path).map_err(|error| error.to_string())?;
        let language = compile::language(path).ok_or("a function is a .lua or a .wasm file")?;
        let settings = Settings::beside(name, files.settings.as_deref())?;
        let surroundings = self.around.of(name, FOLDER, settings.memory);
        let program = compile(name, language, &files.content, surroundings).map_err(|error| error.to_string())?;
        Ok(Version::new(FOLDER, program, settings, &self.around.stats))
    }

    /// Tables change in place: programs look them up anew each time. The first folder wins where two have a table.
    fn rescan_tables(&mut self) {
        let mut names = BTreeMap::new();
        for path in self.paths.iter().rev().flat_map(|folder| tables::list(&folder.join("tables")).unwrap_or_default())
        {
            names.insert(tables::name(&path), path);
        }
        while names.len() > tables::COUNT {
            if let Some((name, path)) = names.pop_last()
                && self.left_out.insert(path)
            {
                tracing::error!(table = name, "left out: there are over {} tables", tables::COUNT);
            }
        }
        let tables = &self.around.tables;
        self.table_files.retain(|path, _| {
            let name = tables::name(path);
            let stays = names.get(&name) == Some(path);
            if !stays && !names.contains_key(&name) {
                tracing::info!(table = name, "table removed");
                tables.remove(Layer::Folder, &name);
            }
            stays
        });
        for (name, path) in names {
            let old = self.table_files.get(&path).map(|old| (old.seen, old.hash));
            let (seen, hash) = match (look(&path, old), old) {
                (Look::New(seen, hash, files), _) => {
                    match tables::parse(&path, &files.content) {
                        Ok(table) => {
                            tracing::info!(table = name, "table loaded");
                            self.around.tables.set(Layer::Folder, &name, Arc::new(table));
                        }
                        Err(error) => tracing::error!(file = %path.display(), %error, "table does not load"),
                    }
                    (seen, hash)
                }
                (Look::Touched(seen), Some((_, hash))) => (seen, hash),
                _ => continue,
            };
            self.table_files.insert(path, Loaded { seen, hash, value: () });
        }
    }
}

enum Look {
    /// Nothing changed, or the file is gone.
    Same,
    /// It was written with the content that it had.
    Touched(Seen),
    /// Another content, with its hash.
    New(Seen, u64, Files),
}

/// What a file and the settings beside it hold.
#[derive(Hash)]
struct Files {
    content: Vec<u8>,
    settings: Option<String>,
}

/// The settings beside a function's file.
fn settings_of(path: &Path) -> PathBuf {
    path.with_extension("settings.json")
}

/// Reads a file unless it is the one that was seen. What is larger than any limit is read as far as tells so.
fn look(path: &Path, old: Option<(Seen, u64)>) -> Look {
    let Ok(seen) = Seen::of(path) else { return Look::Same };
    if old.is_some_and(|(old, _)| old == seen) && !seen.is_fresh() {
        return Look::Same;
    }
    let files = match read(path, seen) {
        Ok(files) => files,
        Err(error) => {
            tracing::error!(file = %path.display(), %error, "can't be read");
            return Look::Same;
        }
    };
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    match old {
        Some((_, hash)) if hash == hasher.finish() => Look::Touched(seen),
        _ => Look::New(seen, hasher.finish(), files),
    }
}

fn read(path: &Path, seen: Seen) -> io::Result<Files> {
    let mut content = Vec::new();
    fs::File::open(path)?.take(tables::FILE.max(budget::LARGE_COMPONENT as u64) + 1).read_to_end(&mut content)?;
    let settings = match seen.settings {
        None => None,
        Some(_) => {
            let mut text = String::new();
            fs::File::open(settings_of(path))?.take(SETTINGS).read_to_string(&mut text)?;
            Some(text)
        }
    };
    Ok(Files { content, settings })
}
