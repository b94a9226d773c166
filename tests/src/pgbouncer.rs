//! A real PgBouncer for tests: in transaction mode, before a Postgres server, gone when it is dropped.

use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::postgres::accepts;
use crate::service;

/// Server connections for a database: fewer than the clients of most tests, so that they share them.
const POOL_SIZE: u32 = 4;

/// A running pooler. All databases of its server are behind it.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    process: Child,
    _folder: TempDir,
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
        let folder = service::folder("upto-pgbouncer-")?;
        service::on_free_port(|port| {
            let mut process = launch(&folder, port, url)?;
            service::ready(&mut process, &folder, || accepts(&through(port, url)?))?;
            Ok((port, process))
        })
        .map(|(port, process)| PgBouncer { port, process, _folder: folder })
    }

    /// The URL of a database of its server, through it.
    ///
    /// # Errors
    /// Where the URL is none of a database.
    pub fn url(&self, url: &str) -> Result<String> {
        through(self.port, url)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // There is nothing to be kept.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn through(port: u16, url: &str) -> Result<String> {
    let (_, database) = url.rsplit_once('/').context("the URL names no database")?;
    Ok(format!("postgres://upto@127.0.0.1:{port}/{database}"))
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
    let mut command = service::command(&service::program("pgbouncer")?, folder.path())?;
    command.arg(&file);
    service::launch(command, folder)
}
