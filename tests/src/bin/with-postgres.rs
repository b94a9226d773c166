//! `with-postgres COMMAND…`: runs a command beside a temporary Postgres and exits as the command did.
//!
//! The command finds the server's URL in `UPTO_TEST_POSTGRES`, so that all tests of a run share one cluster.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context, Result};
use upto_tests::postgres::{Postgres, VARIABLE};

/// The command's process, 0 while there is none.
static COMMAND: AtomicI32 = AtomicI32::new(0);

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().context("usage: with-postgres COMMAND [ARGUMENT]…")?;
    let postgres = Postgres::start()?;
    // The command is told to stop, and this process cleans up once it has.
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let handler = pass_on as extern "C" fn(i32);
        // SAFETY: the handler does nothing but what is allowed in one: an atomic load and kill.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
    let mut command = Command::new(&program);
    command.args(arguments).env(VARIABLE, postgres.url("postgres"));
    let mut child = command.spawn().with_context(|| format!("{} does not run", program.to_string_lossy()))?;
    COMMAND.store(child.id() as i32, Ordering::Relaxed);
    let status = child.wait()?;
    // As shells do: 128 and the signal for a command that a signal ended.
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

extern "C" fn pass_on(signal: i32) {
    let command = COMMAND.load(Ordering::Relaxed);
    if command > 0 {
        // SAFETY: kill has no memory preconditions, and may be called in a handler.
        unsafe { libc::kill(command, signal) };
    }
}
