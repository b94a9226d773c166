//! A real Postgres for tests: a temporary cluster that is gone when it is dropped.
//!
//! [`Database::fresh`] is what most tests want. It uses the server of `UPTO_TEST_POSTGRES` where that is set (a URL whose
//! user may create databases, such as `with-postgres` gives to the command that it runs), else a cluster that the tests
//! of one process share.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::service::{self, Shared};

/// A URL of the server to use instead of a temporary one.
pub const VARIABLE: &str = "UPTO_TEST_POSTGRES";

const USER: &str = "upto";
const PASSWORD: &str = "not-secret";
/// Settings for tests: commits outlive a crash of the server, not one of the machine.
const FAST: [&str; 3] = ["fsync=off", "full_page_writes=off", "max_connections=200"];
/// Settings for benchmarks: those of a server that keeps its promises.
const DURABLE: [&str; 3] = ["shared_buffers=256MB", "max_wal_size=4GB", "max_connections=200"];

/// How long processes may outlive their postmaster.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// What the certificate of a server is signed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// Its own key.
    Itself,
    /// An authority made for it.
    Authority,
}

/// For `openssl`: what the certificates say beside their names. The server's are for the host `localhost`.
const CERTIFICATES: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
[itself]
basicConstraints = critical, CA:TRUE
subjectAltName = DNS:localhost
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost
";

/// A temporary cluster and its server.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    server: Mutex<Option<Child>>,
}

impl Postgres {
    /// Makes a cluster and starts its server, quick and forgetful.
    ///
    /// # Errors
    /// Where Postgres is not installed or does not start; the error holds what it said.
    pub fn start() -> Result<Self> {
        Postgres::start_with(&FAST)
    }

    /// The same with commits that are on disk, for figures that mean something.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_durable() -> Result<Self> {
        Postgres::start_with(&DURABLE)
    }

    /// As [`Postgres::start`], with TLS: its certificate is for `localhost`, and [`Postgres::roots`] checks it.
    ///
    /// # Errors
    /// As [`Postgres::start`], and where `openssl` is not installed.
    pub fn start_with_tls(issuer: Issuer) -> Result<Self> {
        let tls = ["ssl=on", "ssl_cert_file=../server.crt", "ssl_key_file=../server.key"];
        Postgres::start_in(&[FAST.as_slice(), &tls].concat(), |folder| make_certificates(folder, issuer))
    }

    fn start_with(settings: &[&str]) -> Result<Self> {
        Postgres::start_in(settings, |_| Ok(()))
    }

    /// Starts one whose folder is prepared by `prepare`.
    fn start_in(settings: &[&str], prepare: impl FnOnce(&Path) -> Result<()>) -> Result<Self> {
        let programs = find_programs()?;
        let folder = service::folder("upto-postgres-")?;
        make_cluster(&programs, folder.path())?;
        prepare(folder.path())?;
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut postgres = Postgres { programs, folder, port: 0, settings, server: Mutex::new(None) };
        service::on_free_port(|port| {
            postgres.port = port;
            postgres.restart()
        })?;
        Ok(postgres)
    }

    /// Starts the server, again if it runs, and returns when it accepts connections.
    ///
    /// # Errors
    /// Where it stops by itself or takes too long; the error holds its log.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        let mut server = self.launch()?;
        service::ready(&mut server, &self.folder, || accepts(&self.url("postgres")))?;
        *self.server.lock().expect("no panic while it is held") = Some(server);
        Ok(())
    }

    fn launch(&self) -> Result<Child> {
        let mut command = service::command(&self.programs.join("postgres"), self.folder.path())?;
        command.arg("-D").arg(self.folder.path().join("data"));
        command.arg("-k").arg(self.folder.path());
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        service::launch(command, &self.folder)
    }

    /// Stops the server as an administrator would: sessions end with an error, what is committed stays.
    ///
    /// # Errors
    /// Where it can't be waited for.
    pub fn stop(&self) -> Result<()> {
        self.end(libc::SIGINT)
    }

    /// Stops the server as a crash would. It recovers at the next [`Postgres::restart`].
    ///
    /// # Errors
    /// Where it can't be waited for.
    pub fn kill(&self) -> Result<()> {
        self.end(libc::SIGQUIT)
    }

    /// Kills the postmaster alone, as the kernel does where memory is short, and returns when all its processes are gone. What
    /// is left of it in shared memory goes with the next [`Postgres::restart`].
    ///
    /// # Errors
    /// Where it can't be waited for, or its processes don't end.
    pub fn crash(&self) -> Result<()> {
        self.end(libc::SIGKILL)?;
        let begun = Instant::now();
        while has_processes_in(&self.folder.path().join("data"))? {
            ensure!(begun.elapsed() < GONE_WITHIN, "processes of a killed server live on");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Sends a signal to the postmaster, such as `SIGSTOP`.
    pub fn signal(&self, signal: i32) {
        if let Some(server) = &*self.server.lock().expect("no panic while it is held") {
            service::send(server, signal);
        }
    }

    fn end(&self, signal: i32) -> Result<()> {
        if let Some(mut server) = self.server.lock().expect("no panic while it is held").take() {
            service::send(&server, signal);
            server.wait()?;
        }
        Ok(())
    }

    /// A URL of one of its databases, over TCP, with a user who may do everything.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// The same over the Unix socket, where no password is asked for.
    pub fn socket_url(&self, database: &str) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{folder}:{}/{database}", self.port)
    }

    /// A URL over TCP by the name `localhost`.
    pub fn named_url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@localhost:{}/{database}", self.port)
    }

    /// The file of certificates that the server's is checked with, where it has TLS.
    pub fn roots(&self) -> PathBuf {
        self.folder.path().join("root.crt")
    }

    /// The process of the server, for measuring it.
    pub fn pid(&self) -> Option<u32> {
        self.server.lock().expect("no panic while it is held").as_ref().map(Child::id)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its data are removed in a moment: there is nothing to be kept by stopping it gently.
        let _ = self.kill();
    }
}

/// An empty database, dropped with this.
#[derive(Debug)]
pub struct Database {
    url: String,
    name: String,
    server: Server,
}

#[derive(Clone, Debug)]
enum Server {
    Given(String),
    Ours(Arc<Postgres>),
}

impl Server {
    fn url(&self, database: &str) -> Result<String> {
        match self {
            Server::Ours(postgres) => Ok(postgres.url(database)),
            Server::Given(url) => {
                let (server, _) = url.rsplit_once('/').with_context(|| format!("{VARIABLE} names no database"))?;
                Ok(format!("{server}/{database}"))
            }
        }
    }
}

impl Database {
    /// Makes one, on the given server or the shared cluster.
    ///
    /// # Errors
    /// Where there is no server, or it refuses.
    pub fn fresh() -> Result<Self> {
        static SHARED: Shared<Postgres> = Shared::new(Weak::new());
        apart(|| {
            let server = match std::env::var(VARIABLE) {
                Ok(url) if !url.is_empty() => Server::Given(url),
                _ => Server::Ours(service::shared(&SHARED, Postgres::start)?),
            };
            Database::on(server)
        })
    }

    /// Makes one on this cluster.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn fresh_on(postgres: &Arc<Postgres>) -> Result<Self> {
        apart(|| Database::on(Server::Ours(Arc::clone(postgres))))
    }

    fn on(server: Server) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("upto_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // Not from template1, which is locked while it is copied: many tests make databases at once.
        connect(&server.url("postgres")?)?
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))?;
        Ok(Database { url: server.url(&name)?, name, server })
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A session of a test's own. Its calls are for threads that are of no async runtime.
    ///
    /// # Errors
    /// What the server says.
    pub fn connect(&self) -> Result<postgres::Client> {
        connect(&self.url)
    }

    /// Runs SQL that returns nothing.
    ///
    /// # Errors
    /// What the server says.
    pub fn execute(&self, sql: &str) -> Result<()> {
        apart(|| Ok(connect(&self.url)?.batch_execute(sql)?))
    }

    /// The rows of a query, each value as text and `NULL` as `None`.
    ///
    /// # Errors
    /// What the server says.
    pub fn query(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let messages = apart(|| Ok(connect(&self.url)?.simple_query(sql)?))?;
        let text = |row: &postgres::SimpleQueryRow| (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect();
        let rows = messages.iter().filter_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => Some(text(row)),
            _ => None,
        });
        Ok(rows.collect())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A test may have stopped the server; its cluster goes with it.
        let _ = apart(|| {
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            Ok(connect(&self.server.url("postgres")?)?.batch_execute(&sql)?)
        });
    }
}

/// Runs a call on a thread of its own: the synchronous driver must not be used on a thread of an async runtime.
fn apart<T: Send>(call: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| scope.spawn(call).join().expect("the call does not panic"))
}

/// Whether the server takes connections.
pub(crate) fn accepts(url: &str) -> Result<()> {
    apart(|| connect(url).map(drop))
}

fn connect(url: &str) -> Result<postgres::Client> {
    let mut config: postgres::Config = url.parse()?;
    config.connect_timeout(Duration::from_secs(5));
    Ok(config.connect(postgres::NoTls)?)
}

/// The folder with `initdb` and `postgres`: on `PATH`, or where Debian puts the newest.
fn find_programs() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|version| version.path()).collect();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
    folders.extend(versions.into_iter().map(|version| version.join("bin")));
    let found = folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    found.with_context(|| format!("Postgres is needed: install it, or set {VARIABLE} to the URL of a server"))
}

fn make_cluster(programs: &Path, folder: &Path) -> Result<()> {
    let password = folder.join("password");
    std::fs::write(&password, PASSWORD)?;
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644))?;
    let mut command = service::command(&programs.join("initdb"), folder)?;
    command.arg("-D").arg(folder.join("data")).arg("--pwfile").arg(&password).args(["-U", USER]);
    command.args(["--auth-host=scram-sha-256", "--auth-local=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    let output = command.output().context("initdb does not run")?;
    ensure!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Makes `server.crt` and `server.key`, and `root.crt` to check them with.
pub(crate) fn make_certificates(folder: &Path, issuer: Issuer) -> Result<()> {
    std::fs::write(folder.join("openssl.cnf"), CERTIFICATES)?;
    let make = |name: &str, section: &str, further: &[&str]| -> Result<()> {
        let mut openssl = service::command(Path::new("openssl"), folder)?;
        openssl.args(["req", "-x509", "-config", "openssl.cnf", "-extensions", section, "-days", "30", "-nodes"]);
        openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", &format!("/CN={section}")]);
        openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]).args(further);
        let output = openssl.output().context("openssl does not run")?;
        ensure!(output.status.success(), "openssl failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    match issuer {
        Issuer::Itself => {
            make("server", "itself", &[])?;
            std::fs::copy(folder.join("server.crt"), folder.join("root.crt"))?;
            Ok(())
        }
        Issuer::Authority => {
            make("root", "authority", &[])?;
            make("server", "server", &["-CA", "root.crt", "-CAkey", "root.key"])
        }
    }
}

/// Whether any process works in a folder, as all of a Postgres server do in that of its data.
fn has_processes_in(folder: &Path) -> Result<bool> {
    // Those of others can't be looked at, and those that are gone have no folder.
    let works_there = |process: std::fs::DirEntry| std::fs::read_link(process.path().join("cwd")).ok();
    Ok(std::fs::read_dir("/proc")?.flatten().filter_map(works_there).any(|its| its == folder))
}
