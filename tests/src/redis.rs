//! A real Redis for tests: a temporary server that is gone when it is dropped.
//!
//! [`Database::fresh`] is what most tests want: an empty database of a server that the tests of one process share.

use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use redis::Value;
use tempfile::TempDir;

use crate::postgres::{Issuer, make_certificates};
use crate::service::{self, Shared};

const PASSWORD: &str = "not-secret";
/// Databases of a server: each test of a process takes one.
const DATABASES: u32 = 2_000;
/// Settings for tests: nothing outlives the server.
const FAST: [&str; 2] = ["appendonly no", "maxmemory-policy noeviction"];
/// Settings of a server that keeps its promises.
const DURABLE: [&str; 3] = ["appendonly yes", "appendfsync always", "maxmemory-policy noeviction"];

/// A temporary server.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    tls_port: u16,
    settings: Vec<String>,
    server: Mutex<Option<Child>>,
}

impl Redis {
    /// Starts one that is quick and forgetful.
    ///
    /// # Errors
    /// Where Redis is not installed or does not start; the error holds what it said.
    pub fn start() -> Result<Self> {
        Redis::start_with(&FAST)
    }

    /// Starts one that has on disk what it has acknowledged.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_durable() -> Result<Self> {
        Redis::start_with(&DURABLE)
    }

    /// Starts one with further lines of `redis.conf`.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_with(settings: &[&str]) -> Result<Self> {
        Redis::start_in(service::folder("upto-redis-")?, settings, false)
    }

    /// As [`Redis::start`], with TLS as well: its certificate is for `localhost`, and [`Redis::roots`] checks it.
    ///
    /// # Errors
    /// As [`Redis::start`], and where `openssl` is not installed.
    pub fn start_with_tls() -> Result<Self> {
        let folder = service::folder("upto-redis-")?;
        make_certificates(folder.path(), Issuer::Authority)?;
        let tls =
            ["tls-cert-file server.crt", "tls-key-file server.key", "tls-ca-cert-file root.crt", "tls-auth-clients no"];
        Redis::start_in(folder, &[FAST.as_slice(), &tls].concat(), true)
    }

    fn start_in(folder: TempDir, settings: &[&str], tls: bool) -> Result<Self> {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut redis = Redis { folder, port: 0, tls_port: 0, settings, server: Mutex::new(None) };
        service::on_free_port(|port| {
            redis.port = port;
            match tls {
                false => redis.restart(),
                true => service::on_free_port(|port| {
                    redis.tls_port = port;
                    redis.restart()
                }),
            }
        })?;
        Ok(redis)
    }

    /// Starts the server, again if it runs, and returns when it has read what it kept.
    ///
    /// # Errors
    /// Where it stops by itself or takes too long; the error holds its log.
    pub fn restart(&self) -> Result<()> {
        self.end(libc::SIGTERM)?;
        let mut server = self.launch()?;
        service::ready(&mut server, &self.folder, || self.command(&["PING"]).map(drop))?;
        *self.lock() = Some(server);
        Ok(())
    }

    fn launch(&self) -> Result<Child> {
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            format!("port {}", self.port),
            format!("tls-port {}", self.tls_port),
            format!("databases {DATABASES}"),
            format!("requirepass {PASSWORD}"),
            "save \"\"".to_owned(),
        ];
        lines.extend(self.settings.iter().cloned());
        let file = self.folder.path().join("redis.conf");
        std::fs::write(&file, lines.join("\n"))?;
        let mut command = service::command(&service::program("redis-server")?, self.folder.path())?;
        command.arg(&file);
        service::launch(command, &self.folder)
    }

    /// Stops the server as a crash would. At the next [`Redis::restart`] it reads what it has on disk.
    ///
    /// # Errors
    /// Where it can't be waited for.
    pub fn kill(&self) -> Result<()> {
        self.end(libc::SIGKILL)
    }

    /// Has the server answer nothing until [`Redis::thaw`].
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Has it go on.
    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        if let Some(server) = &*self.lock() {
            service::send(server, signal);
        }
    }

    fn end(&self, signal: i32) -> Result<()> {
        if let Some(mut server) = self.lock().take() {
            service::send(&server, signal);
            server.wait()?;
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A URL of one of its databases.
    pub fn url(&self, database: u32) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// The same with TLS, to a host of that name.
    pub fn tls_url(&self, host: &str) -> String {
        format!("rediss://:{PASSWORD}@{host}:{}/0", self.tls_port)
    }

    /// The file of certificates that the server's is checked with, where it has TLS.
    pub fn roots(&self) -> PathBuf {
        self.folder.path().join("root.crt")
    }

    /// Runs a command on its first database; see [`Database::command`].
    ///
    /// # Errors
    /// What the server says.
    pub fn command(&self, words: &[&str]) -> Result<Vec<String>> {
        command(&self.url(0), words)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // There is nothing to be kept.
        let _ = self.kill();
    }
}

/// A database that was empty.
#[derive(Debug)]
pub struct Database {
    url: String,
    _server: Arc<Redis>,
}

impl Database {
    /// One of the server that this process shares.
    ///
    /// # Errors
    /// As [`Redis::start`], or where all databases are taken.
    pub fn fresh() -> Result<Self> {
        static SHARED: Shared<Redis> = Shared::new(Weak::new());
        static TAKEN: AtomicU32 = AtomicU32::new(0);
        let (server, number) = (service::shared(&SHARED, Redis::start)?, TAKEN.fetch_add(1, Ordering::Relaxed));
        ensure!(number < DATABASES, "the server has {DATABASES} databases");
        Ok(Database { url: server.url(number), _server: server })
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs a command. All values of the answer come as text, in one row; those that are nil are left out.
    ///
    /// # Errors
    /// What the server says.
    pub fn command(&self, words: &[&str]) -> Result<Vec<String>> {
        command(&self.url, words)
    }
}

/// Runs a command on the database of a URL; see [`Database::command`].
///
/// # Errors
/// What the server says.
pub fn command(url: &str, words: &[&str]) -> Result<Vec<String>> {
    let mut connection = redis::Client::open(url)?.get_connection_with_timeout(Duration::from_secs(5))?;
    let (name, arguments) = words.split_first().context("a command has a name")?;
    let mut answer = Vec::new();
    flatten(redis::cmd(name).arg(arguments).query(&mut connection)?, &mut answer);
    Ok(answer)
}

fn flatten(value: Value, row: &mut Vec<String>) {
    match value {
        Value::Nil => {}
        Value::Int(number) => row.push(number.to_string()),
        Value::BulkString(bytes) => row.push(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Array(values) => values.into_iter().for_each(|value| flatten(value, row)),
        other => row.push(format!("{other:?}")),
    }
}
