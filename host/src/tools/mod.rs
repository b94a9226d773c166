//! The function tools of the command line: beginning, trying, deploying and watching functions. A file a command.
//!
//! They speak to a server by its public API only, and follow its links.

mod deploy;
mod file;
mod list;
mod new;
mod screen;
mod server;
mod switch;
mod trial;
mod watch;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Result;

use crate::config::functions::FunctionCommand;
use crate::functions::{cases, check};
use screen::Screen;
use server::{Refusal, Server};

/// Why a tool did not do what it was told to.
#[derive(Debug, thiserror::Error)]
enum ToolError {
    /// The function is not fit for it, or the server refused: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// The server refused, and says why: exit code 1.
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// The tool was called wrongly, or the server is away: exit code 2.
    #[error("{0}")]
    Unusable(String),
    /// The terminal, or whatever is there instead, took no more.
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

/// What became of a command that ran to its end: whether all was well.
type Done = std::result::Result<bool, ToolError>;

/// Runs a command.
///
/// # Errors
/// Where it could not begin. What went wrong later is written to stderr, and the exit code is 1.
pub fn run(command: FunctionCommand) -> Result<ExitCode> {
    let code = |well: bool| if well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    match dispatch(command) {
        Ok(well) => Ok(code(well)),
        // Whoever closed the pipe has seen enough.
        Err(ToolError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(code(true)),
        Err(error @ (ToolError::Failed(_) | ToolError::Refused(_))) => {
            writeln!(std::io::stderr(), "upto: {error}")?;
            Ok(code(false))
        }
        Err(error) => Err(error.into()),
    }
}

fn dispatch(command: FunctionCommand) -> Done {
    let mut screen = Screen::stdout();
    match command {
        FunctionCommand::New(args) => new::run(&args, &mut screen),
        FunctionCommand::Test { paths } => {
            let summary = cases::test(&paths, &mut std::io::stdout().lock());
            summary.map(|summary| summary.is_ok()).map_err(|error| ToolError::Unusable(error.to_string()))
        }
        FunctionCommand::Try(args) => trial::run(&args, &mut screen),
        FunctionCommand::Deploy(args) => deploy::run(args, &mut screen),
        FunctionCommand::List(server) => list::run(&Server::at(&server)?, &mut screen),
        FunctionCommand::Activate { name, version, server } => {
            switch::activate(&Server::at(&server)?, &name, version, &mut screen)
        }
        FunctionCommand::Rollback(of) => switch::roll_back(&Server::at(&of.server)?, &of.name, &mut screen),
        FunctionCommand::Canary(args) => switch::canary(&Server::at(&args.server)?, &args, &mut screen),
        FunctionCommand::Disable(of) => switch::disable(&Server::at(&of.server)?, &of.name, &mut screen),
        FunctionCommand::Delete(of) => switch::delete(&Server::at(&of.server)?, &of.name, &mut screen),
        FunctionCommand::Logs { function: of, follow } => {
            watch::logs(&Server::at(&of.server)?, &of.name, follow, &mut screen)
        }
        FunctionCommand::Tap(of) => watch::tap(&Server::at(&of.server)?, &of.name, &mut screen),
        FunctionCommand::DeadLetters { function: of, replay } => {
            watch::dead_letters(&Server::at(&of.server)?, &of.name, replay, &mut screen)
        }
        FunctionCommand::Check => {
            check::run(&mut std::io::stdin().lock(), &mut std::io::stdout().lock())?;
            Ok(true)
        }
    }
}
