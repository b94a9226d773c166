//! Runs a command and reports its start and its end, without getting in its way.

use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;

use libc::c_int;
use upto_client::{Kind, Report, Status};

use crate::plan::{Job, now};
use crate::{complain, signals};

/// What shells exit with when a command is not found, or can't be executed.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// How a command came to its end.
enum Outcome {
    Exited(u8),
    Killed(c_int),
}

/// Runs the job's command and exits as it did. The start is reported beside it, so that it waits for no server; the
/// end once both are over.
pub fn run(job: &Job) -> ExitCode {
    signals::install();
    if let Some(problem) = job.reporter.wrong_url() {
        complain(&format!("{problem} (the command runs, unreported)"));
    }
    let start = Report { time: Some(now()), ..job.start.clone() };
    let (outcome, end_time) = thread::scope(|scope| {
        let report_start = || job.reporter.report(&start);
        // Without a thread, the command comes first and the start with the end.
        let beside = thread::Builder::new().spawn_scoped(scope, report_start);
        let outcome = execute(job);
        let end_time = now();
        match beside {
            // Whatever became of the thread, the command's code is what counts.
            Ok(thread) => drop(thread.join()),
            Err(_) => drop(job.reporter.report(&start)),
        }
        (outcome, end_time)
    });
    job.reporter.report(&end(start, &outcome, end_time));
    ExitCode::from(outcome.code())
}

fn execute(job: &Job) -> Outcome {
    let (program, arguments) = job.command.split_first().expect("a plan to run has a command");
    let mut command = Command::new(program);
    command.args(arguments).env("UPTO_CONTEXT", &*job.start.context).env("UPTO_PARENT", &*job.start.name);
    // Flags may have named the server: what reports from within goes to the same one.
    command.envs(job.reporter.url().map(|url| ("UPTO_URL", url)));
    match &job.start.timeline {
        Some(timeline) => command.env("UPTO_TIMELINE", &**timeline),
        // One that is inherited would be another context's.
        None => command.env_remove("UPTO_TIMELINE"),
    };
    match command.spawn().and_then(wait) {
        Ok(status) => Outcome::of(status),
        Err(error) => {
            complain(&format!("{}: {error}", program.display()));
            Outcome::Exited(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE })
        }
    }
}

/// Waits for the command while signals go on to it, up to the moment before its number is free for others.
fn wait(mut child: Child) -> io::Result<ExitStatus> {
    signals::pass_on_to(child.id());
    loop {
        // SAFETY: zero is a valid value of the structure that `waitid` fills, and WNOWAIT leaves the child to be
        // reaped by `Child::wait`.
        let result = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, child.id(), &raw mut info, libc::WEXITED | libc::WNOWAIT)
        };
        if result == 0 || io::Error::last_os_error().kind() != ErrorKind::Interrupted {
            break;
        }
    }
    signals::stop();
    child.wait()
}

impl Outcome {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Outcome::Exited(code as u8),
            (None, signal) => Outcome::Killed(signal.unwrap_or_default()),
        }
    }

    fn code(&self) -> u8 {
        match self {
            Outcome::Exited(code) => *code,
            Outcome::Killed(signal) => 128 + *signal as u8,
        }
    }

    /// A command that ended by a signal that came to us was cancelled, be it that the signal killed it or that it
    /// caught it and says so the way shells do. Whatever else it made of a signal is its own success or failure.
    fn status(&self) -> Status {
        let signal = match self {
            Outcome::Exited(code) => c_int::from(*code) - 128,
            Outcome::Killed(signal) => *signal,
        };
        match self.code() {
            0 => Status::Success,
            _ if signals::has_received(signal) => Status::Cancelled,
            _ => Status::Failure,
        }
    }
}

fn end(start: Report<'static>, outcome: &Outcome, time: upto_client::Time) -> Report<'static> {
    let mut end = Report { kind: Kind::End, time: Some(time), status: Some(outcome.status()), ..start };
    match outcome {
        Outcome::Exited(code) => end.labels.set("exit_code", code.to_string()),
        Outcome::Killed(signal) => end.labels.set("signal", signal_name(*signal)),
    }
    end
}

fn signal_name(signal: c_int) -> String {
    let names = [
        (libc::SIGHUP, "HUP"),
        (libc::SIGINT, "INT"),
        (libc::SIGQUIT, "QUIT"),
        (libc::SIGILL, "ILL"),
        (libc::SIGTRAP, "TRAP"),
        (libc::SIGABRT, "ABRT"),
        (libc::SIGBUS, "BUS"),
        (libc::SIGFPE, "FPE"),
        (libc::SIGKILL, "KILL"),
        (libc::SIGUSR1, "USR1"),
        (libc::SIGSEGV, "SEGV"),
        (libc::SIGUSR2, "USR2"),
        (libc::SIGPIPE, "PIPE"),
        (libc::SIGALRM, "ALRM"),
        (libc::SIGTERM, "TERM"),
        (libc::SIGXCPU, "XCPU"),
        (libc::SIGXFSZ, "XFSZ"),
        (libc::SIGSYS, "SYS"),
    ];
    let name = names.into_iter().find(|(number, _)| *number == signal);
    name.map_or_else(|| signal.to_string(), |(_, name)| name.to_owned())
}
