//! From a version in the store to one that runs, and from a table in the store to one that functions look into.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::limits;
use crate::store::functions::{Content, TableRow, VersionRow};
use crate::transform::compile::compile;
use crate::transform::live::Around;
use crate::transform::tables::{Format, Table};
use crate::transform::{Language, Program, Settings, Version};

/// Compiles a version. An error is a sentence.
pub(super) async fn version(row: &VersionRow, content: Content, around: &Around) -> Result<Arc<Version>, String> {
    let settings = Settings::parse(&row.function, &row.settings)?;
    let language = Language::of(&row.language).ok_or_else(|| format!("its language is {:?}", row.language))?;
    let surroundings = around.of(&row.function, row.number, settings.memory);
    let name = row.function.clone();
    let work = move || compile(&name, language, &content.code, surroundings).map_err(|error| error.to_string());
    Ok(Version::new(row.number, in_background(work).await?, settings, &around.stats))
}

/// Reads a table. An error is a sentence.
pub(super) async fn table(row: &TableRow, content: Vec<u8>) -> Result<Table, String> {
    let format = Format::of(&row.format).ok_or_else(|| format!("its format is {:?}", row.format))?;
    let read = tokio::task::spawn_blocking(move || format.parse(&content).map_err(|error| error.to_string()));
    read.await.map_err(|_| "it could not be read".to_owned())?
}

/// Runs a compiler on a thread of its own, which yields to all others. The thread ends with its work.
async fn in_background(
    work: impl FnOnce() -> Result<Arc<dyn Program>, String> + Send + 'static,
) -> Result<Arc<dyn Program>, String> {
    let (done, result) = oneshot::channel();
    let compile = move || {
        limits::yield_to_others();
        // Nobody waits any more where the server stops.
        let _ = done.send(work());
    };
    let thread = std::thread::Builder::new().name("compile".to_owned()).spawn(compile);
    thread.map_err(|error| format!("no thread to compile it: {error}"))?;
    result.await.map_err(|_| "the compiler failed".to_owned())?
}
