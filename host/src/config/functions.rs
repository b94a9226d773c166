//! The arguments of the function tools.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// The function tools.
#[derive(Debug, Subcommand)]
pub enum FunctionCommand {
    /// Begin a function: NAME.lua with NAME.cases.json, or a folder with a guest in Rust
    New(NewArgs),
    /// Run the cases of functions (NAME.cases.json beside NAME.lua or NAME.wasm) and show what differs
    Test {
        /// Functions, or folders of them
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Show what a function would make of reports; nothing is stored
    Try(TryArgs),
    /// Have a server check a function, keep it as a version, and run it
    Deploy(DeployArgs),
    /// Show the functions of a server
    List(ServerArgs),
    /// Have a version run from now on
    Activate {
        /// The function
        name: String,
        /// The number of the version
        version: u32,
        /// Which server
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Go back to the version before the active one
    Rollback(NamedArgs),
    /// Let a version run beside the active one, on a share of the reports or in its shadow, or end that
    Canary(CanaryArgs),
    /// Let no version of a function run
    Disable(NamedArgs),
    /// Delete a function with its versions and dead letters
    Delete(NamedArgs),
    /// Show what a function logged
    Logs {
        /// Which function
        #[command(flatten)]
        function: NamedArgs,
        /// Go on showing what it logs
        #[arg(long, short)]
        follow: bool,
    },
    /// Show reports before and after a function, as they pass
    Tap(NamedArgs),
    /// Show the reports on which a function failed and that were kept
    DeadLetters {
        /// Which function
        #[command(flatten)]
        function: NamedArgs,
        /// Send them through the function as it is now
        #[arg(long)]
        replay: bool,
    },
    /// Check one function, as the server does before one goes live: a trial on stdin, the verdict on stdout
    #[command(hide = true)]
    Check,
}

/// Which server.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// The server
    #[arg(long = "server", value_name = "URL", env = "UPTO_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
}

impl ServerArgs {
    /// What the server shall know the caller by. It has no flag, as those are seen by all users of a machine.
    pub fn token() -> Option<String> {
        std::env::var("UPTO_TOKEN").ok().filter(|token| !token.is_empty())
    }
}

/// A function of a server.
#[derive(Debug, Args)]
pub struct NamedArgs {
    /// The function
    pub name: String,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Which version is tried, and on what.
#[derive(Debug, Args)]
pub struct CanaryArgs {
    /// The function
    pub name: String,
    /// The number of the version
    #[arg(required_unless_present = "end")]
    pub version: Option<u32>,
    /// The share that it takes, from 0 to 1, such as 0.1 [default in the shadow: 1]
    #[arg(long, value_name = "SHARE", required_unless_present_any = ["shadow", "end"])]
    pub share: Option<f64>,
    /// A share of what [default: context]
    #[arg(long, value_name = "UNIT", value_parser = ["context", "host"])]
    pub by: Option<String>,
    /// Only compare: what it makes of reports goes nowhere
    #[arg(long)]
    pub shadow: bool,
    /// The share of its reports that may fail before it is rolled back [default: 0.05]
    #[arg(long, value_name = "SHARE")]
    pub max_error_rate: Option<f64>,
    /// End the one that runs; the active version goes on
    #[arg(long, conflicts_with_all = ["version", "share", "by", "shadow", "max_error_rate"])]
    pub end: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What to begin.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Its name: 1 to 64 lower-case letters, digits, - and _
    pub name: String,
    /// Write a script in Lua (the default)
    #[arg(long, conflicts_with = "wasm")]
    pub lua: bool,
    /// Write a guest in this language
    #[arg(long, value_name = "LANGUAGE")]
    pub wasm: Option<Guest>,
    /// Write a script that makes reports of webhooks
    #[arg(long, conflicts_with = "wasm")]
    pub hook: bool,
}

/// Languages of guests that can be begun.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Guest {
    /// Rust
    Rust,
}

/// What to try, and on what.
#[derive(Debug, Args)]
pub struct TryArgs {
    /// The function: a .lua or a .wasm file
    pub file: PathBuf,
    /// On so many of the newest reports that the server received, at most 256
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub last: usize,
    /// On the reports in this file (JSON: one, a list, or one a line), on this machine and without a server
    #[arg(long, value_name = "FILE", conflicts_with = "last")]
    pub reports: Option<PathBuf>,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What to deploy, and how.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The function: a .lua or a .wasm file. NAME.cases.json and NAME.settings.json beside it go with it
    pub file: PathBuf,
    /// The function's name [default: that of the file]
    #[arg(long)]
    pub name: Option<String>,
    /// Keep it as a version and let the active one go on
    #[arg(long)]
    pub no_activate: bool,
    /// What wins over the file of settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Settings that win over those of NAME.settings.json.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// Only contexts of this form, such as deploy-*; may be given several times
    #[arg(long = "context", value_name = "GLOB")]
    pub contexts: Vec<String>,
    /// Its place: functions run by this number, then by name [default: the number that its name begins with, else 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub order: Option<i32>,
    /// What becomes of a report on which it fails [default: pass]
    #[arg(long, value_name = "POLICY", value_parser = ["pass", "drop", "dead-letter"])]
    pub on_error: Option<String>,
    /// Let it keep what it remembers from one report to the next
    #[arg(long)]
    pub memory: bool,
}
