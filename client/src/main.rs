//! The command: arguments and environment → a report, or a command that is reported → an exit code.

mod args;
mod environment;
mod plan;
mod reporter;
mod run;
mod show;
mod signals;

use std::io::{self, Write};
use std::process::ExitCode;

use args::{Arguments, Usage};
use environment::Environment;
use plan::Plan;
use reporter::Reporter;

/// Wrong usage.
const WRONG_USAGE: u8 = 2;
/// The report could not be sent, and `--fail` says that this matters; or `show` has nothing to show.
const FAILED: u8 = 1;

const HELP: &str = include_str!("help.txt");

fn main() -> ExitCode {
    let environment = Environment::read();
    match Arguments::parse(std::env::args_os().skip(1)).and_then(|arguments| plan::plan(arguments, &environment)) {
        Ok(Plan::Help) => print(HELP),
        Ok(Plan::Version) => print(concat!("upto-client ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Plan::Send(reporter, report)) => send(&reporter, &report),
        Ok(Plan::Run(job)) => run::run(&job),
        Ok(Plan::Show(view)) => show(&view),
        Err(Usage(message)) => {
            complain(&format!("{message}\nSee upto-client --help."));
            ExitCode::from(WRONG_USAGE)
        }
    }
}

fn send(reporter: &Reporter, report: &upto_client::Report<'_>) -> ExitCode {
    match reporter.report(report) {
        false if reporter.fail => ExitCode::from(FAILED),
        _ => ExitCode::SUCCESS,
    }
}

fn show(view: &show::View) -> ExitCode {
    match show::text(view) {
        Ok(text) => print(&text),
        Err(problem) => {
            complain(&problem);
            ExitCode::from(FAILED)
        }
    }
}

/// To the standard output; a reader that went away is no error.
fn print(text: &str) -> ExitCode {
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// To the standard error; there is nobody to tell where that fails.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "upto-client: {message}");
}
