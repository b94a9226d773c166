//! SQLite: the embedded store, in one file or in memory.
//!
//! One connection writes, a few read beside it (WAL); in memory there is just the one. Calls run on the runtime's
//! blocking threads, so a slow disk never stops the runtime. Other processes may use the same file.

mod delete;
mod functions;
mod housekeeping;
mod letters;
mod read;
mod texts;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tokio::sync::Notify;

use super::{
    Batch, ContextRow, Deleted, Durability, Keep, NewTimeline, Result, StaleTexts, Store, StoreError, TimelineKey,
    TimelineRef, TimelineRow,
};
use crate::event::{Event, EventKey};
use write::Writer;

/// The version of `schema.sql`, kept in the file's `user_version`.
const SCHEMA_VERSION: i64 = 4;
const SCHEMA: &str = include_str!("schema.sql");
/// The steps from version 1, 2 …: what `schema.sql` does not do to what exists.
const STEPS: [&str; SCHEMA_VERSION as usize - 1] =
    [include_str!("from_1.sql"), include_str!("from_2.sql"), include_str!("from_3.sql")];

/// How long a call waits for another process that writes to the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(4);
/// Readers that are kept open; more are opened while more calls read at once.
const IDLE_READERS: usize = 4;
/// Statements a connection keeps prepared: all that there are.
const PREPARED: usize = 64;

/// A store in a file or in memory.
#[derive(Clone)]
pub(super) struct Sqlite(Arc<Shared>);

struct Shared {
    /// `None` for a store in memory.
    path: Option<PathBuf>,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    /// Told of changes that this handle makes to functions and tables.
    changed: Notify,
}

impl Sqlite {
    /// Opens what comes after `sqlite:` in a URL: `:memory:`, a path, or `//` and a path.
    pub async fn open(rest: &str) -> Result<Self> {
        let rest = rest.strip_prefix("//").unwrap_or(rest).to_owned();
        blocking(move || {
            let path = match rest.as_str() {
                "" => return Err(StoreError::Fatal("the store URL names no file: use sqlite:PATH".to_owned())),
                ":memory:" => None,
                path => Some(PathBuf::from(path)),
            };
            let mut connection = connect(path.as_deref())?;
            prepare_schema(&mut connection)?;
            let writer = Mutex::new(Writer::new(connection));
            let shared = Shared { path, writer, readers: Mutex::default(), changed: Notify::new() };
            Ok(Sqlite(Arc::new(shared)))
        })
        .await
    }

    async fn write_with<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Writer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.0);
        blocking(move || call(&mut lock(&shared.writer))).await
    }

    async fn read_with<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.0);
        blocking(move || match &shared.path {
            None => Ok(call(lock(&shared.writer).connection())?),
            Some(path) => {
                let idle = lock(&shared.readers).pop();
                let connection = match idle {
                    Some(connection) => connection,
                    None => connect_reader(path)?,
                };
                let answer = call(&connection);
                let mut idle = lock(&shared.readers);
                if answer.is_ok() && idle.len() < IDLE_READERS {
                    idle.push(connection);
                }
                Ok(answer?)
            }
        })
        .await
    }
}

/// Runs a call where it may block. A panic in it goes on in the caller.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(call).await {
        Ok(answer) => answer,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(StoreError::Unavailable("the runtime is shutting down".to_owned())),
    }
}

/// A lock that outlives a panic: an open transaction is rolled back by its guard, so nothing is left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: Option<&Path>) -> Result<Connection> {
    // Without SQLITE_OPEN_URI a file may have any name.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match path {
        None => Connection::open_in_memory_with_flags(flags)?,
        Some(path) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                return Err(StoreError::Fatal(format!(
                    "can't open the store {}: the folder {} does not exist",
                    path.display(),
                    folder.display()
                )));
            }
            Connection::open_with_flags(path, flags).map_err(|error| named(error.into(), path))?
        }
    };
    match (set_up(&connection), path) {
        (Ok(()), _) => Ok(connection),
        (Err(error), None) => Err(error.into()),
        (Err(error), Some(path)) => Err(named(error.into(), path)),
    }
}

/// The settings of a connection that writes. FULL: a commit is on disk when it returns, not just before the next checkpoint.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // KiB, negative by SQLite's convention.
    connection.pragma_update(None, "cache_size", -32_000)
}

fn connect_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| named(error.into(), path))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Makes the tables and views of a new file, and brings an older one up to date; refuses a file that a newer upto has written.
fn prepare_schema(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > SCHEMA_VERSION {
        return Err(StoreError::Fatal(format!(
            "the store has schema version {version}, this upto knows versions up to {SCHEMA_VERSION}: use a newer upto"
        )));
    }
    if version < SCHEMA_VERSION {
        // A new file has version 0, and nothing to be changed.
        for step in (1..SCHEMA_VERSION).zip(STEPS).filter(|(from, _)| (1..=*from).contains(&version)) {
            transaction.execute_batch(step.1)?;
        }
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    Ok(transaction.commit()?)
}

fn named(error: StoreError, path: &Path) -> StoreError {
    let text = |reason| format!("can't open the store {}: {reason}", path.display());
    match error {
        StoreError::Unavailable(reason) => StoreError::Unavailable(text(reason)),
        StoreError::Rejected(reason) => StoreError::Rejected(text(reason)),
        StoreError::Fatal(reason) => StoreError::Fatal(text(reason)),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OperationInterrupted
                | ErrorCode::OutOfMemory
                | ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::SchemaChanged,
            ) => StoreError::Unavailable(text),
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
                StoreError::Rejected(text)
            }
            _ => StoreError::Fatal(text),
        }
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn write(&self, batch: &Batch) -> Result<Vec<TimelineKey>> {
        let batch = batch.clone();
        self.write_with(move |writer| writer.write(&batch)).await
    }

    async fn new_timeline(&self, new: &NewTimeline) -> Result<TimelineKey> {
        let new = new.clone();
        self.write_with(move |writer| writer.new_timeline(&new)).await
    }

    async fn delete_timeline(&self, timeline: &TimelineKey, limit: u32) -> Result<Deleted> {
        let timeline = timeline.clone();
        self.write_with(move |writer| writer.delete_timeline(&timeline, limit)).await
    }

    async fn delete_context(&self, name: &str, limit: u32) -> Result<bool> {
        let name = name.to_owned();
        self.write_with(move |writer| writer.delete_context(&name, limit)).await
    }

    async fn delete_empty_context(&self, name: &str) -> Result<bool> {
        let (name, asked) = (name.to_owned(), name.to_owned());
        // Most have some, and then nobody has to wait.
        if self.read_with(move |connection| housekeeping::has_timelines(connection, &asked)).await? {
            return Ok(false);
        }
        self.write_with(move |writer| writer.delete_empty_context(&name)).await
    }

    async fn expired_timelines(&self, context: &str, keep: Keep, limit: u32) -> Result<Vec<TimelineKey>> {
        let context = context.to_owned();
        self.read_with(move |connection| housekeeping::expired(connection, &context, keep, limit)).await
    }

    async fn set_abandon_after(&self, context: &str, seconds: Option<u32>) -> Result<()> {
        let context = context.to_owned();
        self.write_with(move |writer| writer.set_abandon_after(&context, seconds)).await
    }

    async fn stale_texts(&self, settle: Duration) -> Result<Option<StaleTexts>> {
        self.read_with(move |connection| texts::stale(connection, settle)).await
    }

    async fn collect_texts(&self, stale: &StaleTexts) -> Result<u64> {
        let stale = Arc::new(stale.clone());
        let each = || stale.clone();
        let context = each();
        if !stale.settled {
            return self.write_with(move |writer| writer.raise_generation(&context)).await.map(|()| 0);
        }
        let unused = self.read_with(move |connection| texts::unused(connection, &context)).await?;
        let mut deleted = 0;
        for ids in unused.chunks(texts::AT_ONCE) {
            let (context, ids) = (each(), ids.to_vec());
            deleted += self.write_with(move |writer| writer.delete_texts(&context, &ids)).await?;
        }
        let context = each();
        self.write_with(move |writer| writer.end_collecting(&context)).await?;
        Ok(deleted)
    }

    async fn claim_housekeeping(&self, holder: &str, lease: Duration) -> Result<bool> {
        let holder = holder.to_owned();
        self.write_with(move |writer| writer.claim_housekeeping(&holder, lease)).await
    }

    async fn contexts(&self, after: Option<&str>, limit: u32) -> Result<Vec<ContextRow>> {
        let after = after.unwrap_or_default().to_owned();
        self.read_with(move |connection| read::contexts(connection, &after, limit)).await
    }

    async fn context(&self, name: &str) -> Result<Option<ContextRow>> {
        let name = name.to_owned();
        self.read_with(move |connection| read::context(connection, &name)).await
    }

    async fn timelines(&self, context: &str, before: Option<u32>, limit: u32) -> Result<Vec<TimelineRow>> {
        let context = context.to_owned();
        self.read_with(move |connection| read::timelines(connection, &context, before, limit)).await
    }

    async fn timeline(&self, context: &str, which: &TimelineRef) -> Result<Option<TimelineRow>> {
        let (context, which) = (context.to_owned(), which.clone());
        self.read_with(move |connection| read::timeline(connection, &context, &which)).await
    }

    async fn events(
        &self,
        timeline: &TimelineKey,
        after: Option<&EventKey>,
        limit: u32,
    ) -> Result<Vec<(EventKey, Event)>> {
        let (timeline, after) = (timeline.clone(), after.cloned());
        self.read_with(move |connection| read::events(connection, &timeline, after.as_ref(), limit)).await
    }

    async fn event(&self, timeline: &TimelineKey, key: &EventKey) -> Result<Option<Event>> {
        let (timeline, key) = (timeline.clone(), key.clone());
        self.read_with(move |connection| read::event(connection, &timeline, &key)).await
    }

    async fn revision(&self, timeline: &TimelineKey) -> Result<Option<u64>> {
        let timeline = timeline.clone();
        self.read_with(move |connection| read::revision(connection, &timeline)).await
    }

    async fn ping(&self) -> Result<()> {
        self.read_with(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await
    }

    async fn durability(&self) -> Result<Durability> {
        Ok(match self.0.path {
            Some(_) => Durability::Strong,
            None => Durability::Weak("the store is in memory".to_owned()),
        })
    }
}
