//! What servers of others that tests start have in common: a folder, a user who is not root, a free port.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// How long a server may take to accept connections, on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(60);
/// How often readiness is asked for.
const POLL: Duration = Duration::from_millis(20);
/// Another process may take the free port first.
const START_TRIES: u32 = 5;

/// A folder that the server may use.
pub(crate) fn folder(prefix: &str) -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir()?;
    if let Some((uid, gid)) = service_user()? {
        std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid))?;
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// The server of a process's tests: started by who needs it first, and stopped by who needs it last.
pub(crate) type Shared<T> = Mutex<Weak<T>>;

/// The shared server, started where there is none.
///
/// # Errors
/// Where it does not start.
pub(crate) fn shared<T>(shared: &Shared<T>, start: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return Ok(server);
    }
    let server = Arc::new(start()?);
    *shared = Arc::downgrade(&server);
    Ok(server)
}

/// The file of a program: on `PATH`, or where Debian puts it, which is on the `PATH` of root alone.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|program| program.exists());
    found.with_context(|| format!("{name} is needed: install it"))
}

/// A program that refuses to run as root, so root runs it as another user.
pub(crate) fn command(program: &Path, folder: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(folder).env_remove("PGDATA");
    if let Some((uid, gid)) = service_user()? {
        command.uid(uid).gid(gid);
    }
    Ok(command)
}

/// Starts a server whose output goes into its folder.
pub(crate) fn launch(mut command: Command, folder: &TempDir) -> Result<Child> {
    let log = std::fs::File::create(folder.path().join("log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("{} does not run", command.get_program().display()))
}

/// Returns when a server that was launched accepts connections.
///
/// # Errors
/// Where it stops by itself or takes too long, and then is stopped; the error holds its log.
pub(crate) fn ready(server: &mut Child, folder: &TempDir, accepts: impl Fn() -> Result<()>) -> Result<()> {
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    let begun = Instant::now();
    while let Err(error) = accepts() {
        if let Some(status) = server.try_wait()? {
            bail!("the server stopped with {status}: {}", log());
        }
        if begun.elapsed() > START_WITHIN {
            server.kill()?;
            server.wait()?;
            return Err(error.context(format!("the server does not accept connections: {}", log())));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Sends a signal to a server that has not been waited for.
pub(crate) fn send(server: &Child, signal: i32) {
    // SAFETY: the child has not been waited for, so its id is its own.
    unsafe { libc::kill(server.id() as i32, signal) };
}

/// Starts a server on a free port, on another one where somebody took that first.
///
/// # Errors
/// That of the last try.
pub(crate) fn on_free_port<T>(mut start: impl FnMut(u16) -> Result<T>) -> Result<T> {
    let mut tries = 1;
    loop {
        match start(free_port()?) {
            Err(_) if tries < START_TRIES => tries += 1,
            last => return last,
        }
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whom root runs the server as: `postgres`, or `nobody` where there is no such user.
pub(crate) fn service_user() -> Result<Option<(u32, u32)>> {
    // SAFETY: geteuid has no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let mut fields = users
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.skip(1)))?;
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let user = find("postgres").or_else(|| find("nobody"));
    Ok(Some(user.context("the server does not run as root, and there is no user postgres or nobody")?))
}
