//! The server's side of a check: the process in which it is done.

use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::sync::Semaphore;

use super::{Allowance, INPUT, TIME, Trial, Verdict};

/// Checks at a time; others wait.
const CHECKS: usize = 2;
/// How long a check waits for its turn.
const TURN: Duration = Duration::from_secs(15);
/// Bytes of a verdict; a process that says more is killed.
const VERDICT: u64 = 16 << 20;

/// Runs checks, a few at a time.
#[derive(Debug)]
pub struct Checker {
    turns: Semaphore,
}

/// Why a check gave no verdict.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It may work later.
    #[error("{0}")]
    Busy(String),
    /// The function used up what it was given.
    #[error("{0}")]
    Exceeded(String),
}

impl Default for Checker {
    fn default() -> Self {
        Checker { turns: Semaphore::new(CHECKS) }
    }
}

impl Checker {
    /// Runs a check. What is to be checked is made when its turn has come, on a thread that may block, so that those
    /// who wait hold nothing more.
    ///
    /// # Errors
    /// [`CheckError`] where there is no verdict.
    pub async fn check(
        &self,
        trial: impl FnOnce() -> Result<Trial, CheckError> + Send + 'static,
    ) -> Result<Verdict, CheckError> {
        let busy = || CheckError::Busy("other functions are being checked; try again".to_owned());
        let _turn = tokio::time::timeout(TURN, self.turns.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
        let prepare = move || {
            let trial = trial()?;
            Ok((input(&trial)?, trial.allowance()))
        };
        let (input, allowance) = in_background(prepare).await?;
        let checked = tokio::time::timeout(allowance.time, run_apart(input)).await;
        let time = allowance.time.as_secs();
        let exceeded = || CheckError::Exceeded(format!("it was not compiled and checked within {time} s"));
        let (status, output) = checked.map_err(|_| exceeded())?.map_err(failed)?;
        in_background(move || verdict(status, &output, allowance)).await
    }
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CheckError> + Send + 'static,
) -> Result<T, CheckError> {
    let stopping = |_| CheckError::Busy("the server is stopping; send it again".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(stopping)?
}

fn failed(error: std::io::Error) -> CheckError {
    CheckError::Busy(format!("the check could not be run: {error}"))
}

fn input(trial: &Trial) -> Result<Vec<u8>, CheckError> {
    let input = serde_json::to_vec(trial).map_err(|error| failed(error.into()))?;
    match input.len() as u64 > INPUT {
        true => Err(CheckError::Exceeded(format!("it has more than {} MiB with its cases and tables", INPUT >> 20))),
        false => Ok(input),
    }
}

/// Gives a process of its own the input; how it ended, and what it wrote. It is killed where it is not waited for to
/// its end, or writes more than [`VERDICT`].
async fn run_apart(input: Vec<u8>) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let mut child = start()?;
    let (mut stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let fed = async move {
        if let Some(stdin) = &mut stdin {
            // A process that ended early says more by its end.
            let _ = stdin.write_all(&input).await;
        }
    };
    let heard = async move {
        let mut output = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(VERDICT + 1).read_to_end(&mut output).await?;
        }
        std::io::Result::Ok(output)
    };
    // It has read all before it says anything.
    let output = tokio::join!(fed, heard).1?;
    if output.len() as u64 > VERDICT {
        child.start_kill()?;
    }
    Ok((child.wait().await?, output))
}

fn start() -> std::io::Result<Child> {
    // Nothing of the server's environment: it may hold passwords.
    tokio::process::Command::from(itself())
        .args(["function", "check"])
        .env_clear()
        // The allocator would take a gigabyte at once, to use little of it.
        .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// What a process found, by its output; else what its end tells.
fn verdict(status: ExitStatus, output: &[u8], allowance: Allowance) -> Result<Verdict, CheckError> {
    if output.len() as u64 > VERDICT {
        let detail = format!("what became of its cases and reports has more than {} MiB: try fewer", VERDICT >> 20);
        return Err(CheckError::Exceeded(detail));
    }
    serde_json::from_slice(output).map_err(|_| match status.code() {
        // It ended by itself, before it looked at the function.
        Some(code @ (1 | 2)) => CheckError::Busy(format!("the check could not be run: it ended with {code}")),
        _ => CheckError::Exceeded(format!(
            "the check ended without a verdict ({status}): it needs more than {} s or {} MiB to be compiled and checked",
            TIME.as_secs(),
            allowance.memory >> 20
        )),
    })
}

/// This program, also where its file was replaced since.
fn itself() -> Command {
    Command::new("/proc/self/exe")
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::super::ALLOWANCE;
    use super::*;

    #[test]
    fn a_process_that_could_not_begin_says_nothing_about_the_function() {
        let of = |status: i32| verdict(ExitStatus::from_raw(status), b"", ALLOWANCE).expect_err("there is no verdict");
        assert!(matches!(of(2 << 8), CheckError::Busy(_)));
        // By SIGKILL, as where its processor time is used up.
        assert!(matches!(of(9), CheckError::Exceeded(_)));
    }
}
