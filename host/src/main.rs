//! The `upto` command: arguments → configuration → run → exit code. Exit codes: 0 done, 1 failed (for the
//! function tools: a case failed, or the server refused), 2 can't start as it was told to, or the server is away.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use upto::config::{Cli, Command, ServeConfig};
use upto::pipeline::Server;
use upto::{access, store, tools};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("UPTO_LOG").unwrap_or_else(|_| EnvFilter::new("info,memory_serve=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "upto: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => runtime()?.block_on(serve(args.resolve()?)),
        Command::Migrate(args) => {
            runtime()?.block_on(store::open(&args.resolve()?)).context("the store can't be opened")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Token { name, scopes } => {
            let (token, sha256) = access::new_token().context("no token could be made")?;
            writeln!(
                std::io::stdout(),
                "The token {name:?}, shown this once:\n\n  {token}\n\nWrite this into upto.toml and start the server again:\n\n\
                 [[token]]\nname = {name:?}\nsha256 = \"{sha256}\"\nscopes = {scopes:?}"
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Function(command) => tools::run(command),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")
}

async fn serve(config: ServeConfig) -> Result<ExitCode> {
    let store = store::redacted(&config.store);
    let server = Server::bind(config).await?;
    let (udp, http) = server.addresses()?;
    // Whoever started it reads from this line where it listens.
    writeln!(std::io::stdout(), "upto: page and API at http://{http}/, datagrams at {udp}, store {store}")?;
    let shutdown = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = shutdown.clone();
    let stopped = tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if !first {
                std::process::exit(1);
            }
            tracing::info!("stopping; again to stop at once");
            stop.cancel();
        }
    });
    let ended = server.run(shutdown).await;
    stopped.abort();
    Ok(match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    })
}
