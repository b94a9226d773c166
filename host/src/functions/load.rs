//! From a version in the store to one that runs.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::store::functions::VersionRow;
use crate::transform::compile::{Surroundings, compile};
use crate::transform::log::Log;
use crate::transform::tables::Tables;
use crate::transform::{Language, Program, Settings, Stats, Version};

/// The priority of a thread that compiles: ingest comes first.
const NICE: i32 = 10;

/// Loads versions.
pub(super) struct Loader {
    pub tables: Arc<Tables>,
    pub stats: Arc<Stats>,
}

impl Loader {
    /// Compiles a version. An error is a sentence.
    pub async fn load(&self, row: &VersionRow, code: Vec<u8>) -> Result<Arc<Version>, String> {
        let settings = Settings::parse(&row.function, &row.settings)?;
        let language = Language::of(&row.language).ok_or_else(|| format!("its language is {:?}", row.language))?;
        let log = Arc::new(Log::new(&row.function, row.number, self.stats.journal(&row.function)));
        let surroundings = Surroundings { tables: self.tables.clone(), log };
        let name = row.function.clone();
        let program =
            in_background(move || compile(&name, language, &code, surroundings).map_err(|error| error.to_string()));
        Ok(Version::new(row.number, program.await?, settings, &self.stats))
    }
}

/// Runs a compiler on a thread of its own, which yields to all others. The thread ends with its work.
async fn in_background(
    work: impl FnOnce() -> Result<Arc<dyn Program>, String> + Send + 'static,
) -> Result<Arc<dyn Program>, String> {
    let (done, result) = oneshot::channel();
    let compile = move || {
        // SAFETY: it takes numbers only. On Linux 0 means this thread, elsewhere the process: there it is left alone.
        #[cfg(target_os = "linux")]
        unsafe {
            libc::setpriority(libc::PRIO_PROCESS, 0, NICE)
        };
        // Nobody waits any more where the server stops.
        let _ = done.send(work());
    };
    let thread = std::thread::Builder::new().name("compile".to_owned()).spawn(compile);
    thread.map_err(|error| format!("no thread to compile it: {error}"))?;
    result.await.map_err(|_| "the compiler failed".to_owned())?
}

/// The function's name that a file's name tells.
pub(super) fn stem(file: &str) -> &str {
    Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or(file)
}
