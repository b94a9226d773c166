//! Flags, environment and file: the only reader of each. Precedence: flag, environment, file, default.

pub mod functions;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use serde::Deserialize;

use functions::FunctionCommand;

/// The file that is read where none is named and it exists.
const DEFAULT_FILE: &str = "upto.toml";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "upto", version, about = "Shows what a many-step process on many machines is up to.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take reports, keep them and show them
    Serve(ServeArgs),
    /// Work with functions: scripts and plugins that see each report in flight
    #[command(subcommand)]
    Function(FunctionCommand),
    /// Bring the store's schema up to date, and end
    Migrate(StoreArgs),
}

/// Which store.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// sqlite:PATH, sqlite::memory: or postgres://… [default: sqlite:upto.db]
    #[arg(long, value_name = "URL", env = "UPTO_STORE", hide_env_values = true)]
    store: Option<String>,
    /// The configuration file [default: upto.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "UPTO_CONFIG")]
    config: Option<PathBuf>,
}

/// How to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Where to take datagrams [default: 127.0.0.1:8123]
    #[arg(long, value_name = "ADDR", env = "UPTO_UDP")]
    udp: Option<String>,
    /// Where to serve the page and the API [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", env = "UPTO_HTTP")]
    http: Option<String>,
    /// A folder of Lua functions, reloaded on change
    #[arg(long, value_name = "DIR", env = "UPTO_SCRIPTS")]
    scripts: Option<PathBuf>,
    /// A folder of Wasm functions, reloaded on change
    #[arg(long, value_name = "DIR", env = "UPTO_PLUGINS")]
    plugins: Option<PathBuf>,
    /// Fill an empty store with example runs, by sending them as datagrams
    #[arg(long)]
    demo: bool,
}

/// What the file may say: the same names as the flags.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    store: Option<String>,
    udp: Option<String>,
    http: Option<String>,
    scripts: Option<PathBuf>,
    plugins: Option<PathBuf>,
}

/// How to serve, decided.
#[derive(Debug)]
pub struct ServeConfig {
    /// The store's URL. It may hold a password.
    pub store: String,
    /// Where to take datagrams.
    pub udp: SocketAddr,
    /// Where to serve HTTP.
    pub http: SocketAddr,
    /// Folder of Lua functions.
    pub scripts: Option<PathBuf>,
    /// Folder of Wasm functions.
    pub plugins: Option<PathBuf>,
    /// Whether to fill an empty store with example runs.
    pub demo: bool,
}

impl ServeArgs {
    /// Puts flags, environment and file together.
    ///
    /// # Errors
    /// Where the file or an address can't be understood.
    pub fn resolve(self) -> Result<ServeConfig> {
        let file = File::read(self.store.config.as_deref())?;
        Ok(ServeConfig {
            store: store_url(self.store.store, file.store),
            udp: address("udp", self.udp.or(file.udp), "127.0.0.1:8123")?,
            http: address("http", self.http.or(file.http), "127.0.0.1:8080")?,
            scripts: self.scripts.or(file.scripts),
            plugins: self.plugins.or(file.plugins),
            demo: self.demo,
        })
    }
}

impl StoreArgs {
    /// The store's URL.
    ///
    /// # Errors
    /// Where the file can't be understood.
    pub fn resolve(self) -> Result<String> {
        let file = File::read(self.config.as_deref())?;
        Ok(store_url(self.store, file.store))
    }
}

fn store_url(flag: Option<String>, file: Option<String>) -> String {
    let alias = || std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
    flag.or_else(alias).or(file).unwrap_or_else(|| "sqlite:upto.db".to_owned())
}

impl File {
    fn read(named: Option<&Path>) -> Result<Self> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{} is no valid configuration", path.display())),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(File::default()),
            Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
        }
    }
}

/// An address such as `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or a port alone (`8080`, `:8080`) for loopback.
fn address(what: &str, given: Option<String>, default: &str) -> Result<SocketAddr> {
    let given = given.unwrap_or_else(|| default.to_owned());
    let port = given.strip_prefix(':').unwrap_or(&given);
    let full = if port.parse::<u16>().is_ok() { format!("127.0.0.1:{port}") } else { given.clone() };
    match full.to_socket_addrs().ok().and_then(|mut addresses| addresses.next()) {
        Some(address) => Ok(address),
        None => bail!("--{what} is {given:?}; use HOST:PORT, such as {default}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_short_forms() {
        let parse = |text: &str| address("http", Some(text.into()), "127.0.0.1:8080").map(|a| a.to_string()).ok();
        assert_eq!(parse("9000").as_deref(), Some("127.0.0.1:9000"));
        assert_eq!(parse(":9000").as_deref(), Some("127.0.0.1:9000"));
        assert_eq!(parse("0.0.0.0:9000").as_deref(), Some("0.0.0.0:9000"));
        assert_eq!(parse("[::1]:9000").as_deref(), Some("[::1]:9000"));
        assert_eq!(parse("nonsense"), None);
    }
}
