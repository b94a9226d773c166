//! A real PgBouncer for tests: in transaction mode, before a Postgres server, gone when it is dropped.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::postgres::{POLL, START_TRIES, START_WITHIN, accepts, command, free_port, service_user};

/// Server connections for a database: fewer than the clients of most tests, so that they share them.
const POOL_SIZE: u32 = 4;

/// A running pooler. All databases of its server are behind it.
#[derive(Debug)]
pub struct PgBouncer {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl PgBouncer {
    /// The one that this process shares, before the server of the database at a URL.
    ///
    /// # Errors
    /// As [`PgBouncer::before`].
    pub fn shared(url: &str) -> Result<Arc<Self>> {
        static SHARED: Mutex<(String, Weak<PgBouncer>)> = Mutex::new((String::new(), Weak::new()));
        let (server, _) = url.rsplit_once('/').context("the URL names no database")?;
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let (true, Some(pooler)) = (shared.0 == server, shared.1.upgrade()) {
            return Ok(pooler);
        }
        let pooler = Arc::new(PgBouncer::before(url)?);
        *shared = (server.to_owned(), Arc::downgrade(&pooler));
        Ok(pooler)
    }

    /// Starts one before the server of the database at a URL.
    ///
    /// # Errors
    /// Where PgBouncer is not installed or does not start; the error holds what it said.
    pub fn before(url: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("upto-pgbouncer-").tempdir()?;
        if let Some((uid, gid)) = service_user()? {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid))?;
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let port = free_port()?;
        let process = launch(&folder, port, url)?;
        let mut pooler = PgBouncer { folder, port, process };
        // Another process may take the free port first.
        for _ in 1..START_TRIES {
            if pooler.is_up(url)? {
                return Ok(pooler);
            }
            pooler.end();
            pooler.port = free_port()?;
            pooler.process = launch(&pooler.folder, pooler.port, url)?;
        }
        let log = std::fs::read_to_string(pooler.folder.path().join("log")).unwrap_or_default();
        bail!("PgBouncer does not start: {log}")
    }

    /// The URL of a database of its server, through it.
    ///
    /// # Errors
    /// Where the URL is none of a database.
    pub fn url(&self, url: &str) -> Result<String> {
        let (_, database) = url.rsplit_once('/').context("the URL names no database")?;
        Ok(format!("postgres://upto@127.0.0.1:{}/{database}", self.port))
    }

    /// Waits until it takes connections; false where it has ended instead.
    fn is_up(&mut self, url: &str) -> Result<bool> {
        let (url, begun) = (self.url(url)?, Instant::now());
        while accepts(&url).is_err() {
            if self.process.try_wait()?.is_some() || begun.elapsed() > START_WITHIN {
                return Ok(false);
            }
            std::thread::sleep(POLL);
        }
        Ok(true)
    }

    fn end(&mut self) {
        // There is nothing to be kept.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.end();
    }
}

fn launch(folder: &TempDir, port: u16, url: &str) -> Result<Child> {
    let server: postgres::Config = url.parse()?;
    let host = match server.get_hosts() {
        [postgres::config::Host::Tcp(host)] => host.clone(),
        [postgres::config::Host::Unix(path)] => path.display().to_string(),
        _ => bail!("the URL names one host"),
    };
    let server_port = server.get_ports().first().copied().unwrap_or(5432);
    let user = server.get_user().context("the URL names a user")?;
    let password = String::from_utf8(server.get_password().unwrap_or_default().to_vec())?;
    let settings = format!(
        "[databases]\n* = host={host} port={server_port} user={user} password={password}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
         pool_mode = transaction\nmax_client_conn = 2000\ndefault_pool_size = {POOL_SIZE}\n"
    );
    let file = folder.path().join("pgbouncer.ini");
    std::fs::write(&file, settings)?;
    let log = std::fs::File::create(folder.path().join("log"))?;
    let mut command = command(&find_program()?, folder.path())?;
    command.arg(&file).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("pgbouncer does not run")
}

/// On `PATH`, or where Debian puts it, which is on the `PATH` of root alone.
fn find_program() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let found = folders.into_iter().map(|folder| folder.join("pgbouncer")).find(|program| program.exists());
    found.context("PgBouncer is needed: install it")
}
