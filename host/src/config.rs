//! Flags, environment and file: the only reader of each. Precedence: flag, environment, file, default.

pub mod functions;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Parser, Subcommand};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::access::{Access, Hosts, Scope, Token};
use crate::ingest::flood::Limits;
use crate::retention::{Rules, Seconds};
use crate::transform::Secrets;
use functions::FunctionCommand;

/// The file that is read where none is named and it exists.
const DEFAULT_FILE: &str = "upto.toml";
/// How often the housekeeping goes its round, where the file does not say.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// New contexts that a sender of datagrams may bring a minute: an organisation behind one address does, once, when the
/// server was started anew.
const NEW_CONTEXTS: u32 = 1_000;
/// New names, hosts and timelines in contexts that it may bring a minute: a build of so many steps does.
const NEW_NAMES: u32 = 100_000;
/// How much the spool may hold.
const SPOOL_MAX: &str = "256MiB";

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
    /// Make a token, and show what to write into upto.toml for it
    Token {
        /// Its name: the author of what is done with it
        name: String,
        /// What it opens: ingest, read, deploy, admin
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = ["ingest", "read", "deploy", "admin"])]
        scopes: Vec<String>,
    },
}

/// Which store.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// sqlite:PATH, sqlite::memory:, postgres://… or redis://… [default: sqlite:upto.db]
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
    /// Take components of up to 20 MiB, such as those with CPython in them
    #[arg(long)]
    large_components: bool,
    /// Fill an empty store with example runs, by sending them as datagrams
    #[arg(long)]
    demo: bool,
    /// A name under which browsers and programs reach the server, beside localhost and addresses; may be repeated
    #[arg(long = "host", value_name = "NAME", env = "UPTO_HOSTS", value_delimiter = ',')]
    hosts: Vec<String>,
    /// New contexts that a sender of datagrams may bring a minute, 0 for any number [default: 1000]
    #[arg(long, value_name = "COUNT", env = "UPTO_NEW_CONTEXTS")]
    new_contexts: Option<u32>,
    /// New names, hosts and timelines in contexts that it may bring a minute, 0 for any number [default: 100000]
    #[arg(long, value_name = "COUNT", env = "UPTO_NEW_NAMES")]
    new_names: Option<u32>,
    /// A folder where datagrams wait while the store is away and the queue is full
    #[arg(long, value_name = "DIR", env = "UPTO_SPOOL")]
    spool: Option<PathBuf>,
    /// How much it may hold, such as 512MiB or 2GiB [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "UPTO_SPOOL_MAX")]
    spool_max: Option<String>,
    /// Let everybody who reaches the server do everything, also from other machines
    #[arg(long)]
    without_tokens: bool,
}

/// A secret in the environment has this before its name, which is in capitals there.
const SECRET: &str = "UPTO_SECRET_";

/// What the file may say: the same names as the flags, and what there is no flag for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    store: Option<String>,
    udp: Option<toml::Value>,
    http: Option<String>,
    scripts: Option<PathBuf>,
    plugins: Option<PathBuf>,
    large_components: bool,
    hosts: Vec<String>,
    new_contexts: Option<u32>,
    new_names: Option<u32>,
    spool: Option<PathBuf>,
    spool_max: Option<String>,
    without_tokens: bool,
    token: Vec<Token>,
    anonymous: Option<Vec<Scope>>,
    secrets: BTreeMap<String, Secret>,
    retention: Rules,
    housekeeping_every: Option<Seconds>,
}

/// A value that is never shown.
struct Secret(String);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Secret(text)),
            // Serde's own words would show the value.
            _ => Err(D::Error::custom("a secret is text in quotes")),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// One of the file's `[[udp]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Socket {
    addr: String,
    function: Option<String>,
}

/// A socket for datagrams in a foreign format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignSocket {
    /// Where to take them.
    pub address: SocketAddr,
    /// The function that makes reports of them.
    pub function: String,
}

/// Where datagrams wait while there is no other room for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// The folder.
    pub folder: PathBuf,
    /// Bytes that it may hold.
    pub limit: u64,
}

/// How to serve, decided.
pub struct ServeConfig {
    /// The store's URL. It may hold a password.
    pub store: String,
    /// Where to take datagrams.
    pub udp: SocketAddr,
    /// Where to take datagrams for functions.
    pub foreign: Vec<ForeignSocket>,
    /// Secrets that functions check signatures with.
    pub secrets: Secrets,
    /// Where to serve HTTP.
    pub http: SocketAddr,
    /// Folder of Lua functions.
    pub scripts: Option<PathBuf>,
    /// Folder of Wasm functions.
    pub plugins: Option<PathBuf>,
    /// Whether functions may be large components.
    pub large_components: bool,
    /// Whether to fill an empty store with example runs.
    pub demo: bool,
    /// Who may do what.
    pub access: Access,
    /// The names of the server.
    pub hosts: Hosts,
    /// Which timelines are kept.
    pub retention: Rules,
    /// How often those are deleted that are not.
    pub housekeeping_every: Duration,
    /// What a sender of datagrams may bring that is new.
    pub flood: Limits,
    /// The spool, if there is to be one.
    pub spool: Option<SpoolConfig>,
}

impl ServeArgs {
    /// Puts flags, environment and file together.
    ///
    /// # Errors
    /// Where the file or an address can't be understood.
    pub fn resolve(self) -> Result<ServeConfig> {
        let file = File::read(self.store.config.as_deref())?;
        let (udp, foreign) = sockets(file.udp)?;
        let http = address("http", self.http.or(file.http), "127.0.0.1:8080")?;
        let anonymous = file.anonymous.unwrap_or_else(|| vec![Scope::Ingest, Scope::Read]);
        let access = Access::new(file.token, anonymous).map_err(anyhow::Error::msg)?;
        if !access.is_guarded() && !http.ip().is_loopback() && !self.without_tokens && !file.without_tokens {
            bail!(
                "--http {http} is reached from other machines, and there is no token: whoever reaches it could deploy \
                 functions. Make one (upto token NAME --scope deploy), or say --without-tokens"
            );
        }
        let new_contexts = self.new_contexts.or(file.new_contexts).unwrap_or(NEW_CONTEXTS);
        let new_names = self.new_names.or(file.new_names).unwrap_or(NEW_NAMES);
        let limit = size("spool-max", self.spool_max.or(file.spool_max).as_deref().unwrap_or(SPOOL_MAX))?;
        Ok(ServeConfig {
            flood: Limits::new(new_contexts, new_names),
            spool: self.spool.or(file.spool).map(|folder| SpoolConfig { folder, limit }),
            store: store_url(self.store.store, file.store),
            udp: address("udp", self.udp.or(udp), "127.0.0.1:8123")?,
            foreign,
            secrets: Secrets::new(secrets(file.secrets, std::env::vars_os())?),
            http,
            access,
            hosts: Hosts::new(if self.hosts.is_empty() { file.hosts } else { self.hosts }),
            scripts: self.scripts.or(file.scripts),
            plugins: self.plugins.or(file.plugins),
            large_components: self.large_components || file.large_components,
            demo: self.demo,
            retention: file.retention,
            housekeeping_every: file.housekeeping_every.map_or(HOUSEKEEPING, Duration::from),
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

/// The file's `udp`: an address, or a list of sockets, of which one has no function and is for upto's own datagrams.
fn sockets(udp: Option<toml::Value>) -> Result<(Option<String>, Vec<ForeignSocket>)> {
    let sockets: Vec<Socket> = match udp {
        None => Vec::new(),
        Some(toml::Value::String(address)) => return Ok((Some(address), Vec::new())),
        Some(list) => list.try_into().context("udp is an address, or a list of [[udp]] with addr and function")?,
    };
    let (mut main, mut foreign) = (None, Vec::new());
    for Socket { addr, function } in sockets {
        match function {
            Some(function) => {
                foreign.push(ForeignSocket { address: address("udp", Some(addr), "127.0.0.1:8125")?, function })
            }
            None if main.is_none() => main = Some(addr),
            None => bail!("two [[udp]] have no function; one socket takes upto's own datagrams"),
        }
    }
    Ok((main, foreign))
}

/// The secrets of the file and of the environment, which wins.
fn secrets(
    file: BTreeMap<String, Secret>,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>> {
    let mut secrets: BTreeMap<String, String> = file.into_iter().map(|(name, Secret(value))| (name, value)).collect();
    for (key, value) in environment {
        let Some(name) = key.to_str().and_then(|key| key.strip_prefix(SECRET)) else { continue };
        let Ok(value) = value.into_string() else { bail!("{SECRET}{name} is not valid UTF-8") };
        secrets.insert(name.to_ascii_lowercase(), value);
    }
    for (name, value) in &secrets {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            bail!("the secret {name:?} has no name for one: use lower-case letters, digits and _");
        }
        if value.is_empty() {
            bail!("the secret {name:?} is empty; give it a value, or leave it out");
        }
    }
    Ok(secrets)
}

impl File {
    /// The line of an error is told and not shown: it may hold a secret.
    fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            anyhow!("line {}: {}", before.matches('\n').count() + 1, error.message())
        })
    }

    fn read(named: Option<&Path>) -> Result<Self> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => File::parse(&text).with_context(|| format!("{} is no valid configuration", path.display())),
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

/// A number of bytes such as `256MiB`.
fn size(what: &str, given: &str) -> Result<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let parsed = units.iter().find_map(|(unit, power)| {
        let count: u64 = given.strip_suffix(unit)?.trim_end().parse().ok()?;
        count.checked_mul(1 << power)
    });
    parsed.ok_or_else(|| anyhow!("--{what} is {given:?}; use a number of KiB, MiB or GiB, such as {SPOOL_MAX}"))
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

    #[test]
    fn sizes_have_a_unit() {
        let parse = |text: &str| size("spool-max", text).ok();
        assert_eq!((parse("256MiB"), parse("2 GiB"), parse("1KiB")), (Some(256 << 20), Some(2 << 30), Some(1024)));
        for wrong in ["", "5", "1MB", "-1MiB", "1.5GiB", "99999999999GiB", "MiB"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    fn file(text: &str) -> File {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn udp_is_an_address_or_a_list_of_sockets() {
        let parse = |text: &str| sockets(file(text).udp).map_err(|error| error.to_string());
        assert_eq!(parse("udp = '9000'"), Ok((Some("9000".into()), vec![])));
        let statsd = ForeignSocket { address: "127.0.0.1:8125".parse().unwrap(), function: "statsd".into() };
        assert_eq!(
            parse("[[udp]]\naddr = '9000'\n[[udp]]\naddr = '8125'\nfunction = 'statsd'"),
            Ok((Some("9000".into()), vec![statsd.clone()]))
        );
        assert_eq!(parse("[[udp]]\naddr = ':8125'\nfunction = 'statsd'"), Ok((None, vec![statsd])));
        assert!(
            parse("[[udp]]\naddr = '1'\n[[udp]]\naddr = '2'").unwrap_err().starts_with("two [[udp]] have no function")
        );
        assert!(parse("udp = 7").unwrap_err().starts_with("udp is an address, or a list"));
    }

    #[test]
    fn rules_of_retention_are_read_and_faults_told_with_their_place() {
        let text =
            "[[retention]]\ncontexts = ['deploy-*']\nmax_age = '90d'\nmax_timelines = 200\nabandon_after = '24h'";
        let read = File::parse(&format!("housekeeping_every = '5m'\n{text}")).unwrap();
        assert_eq!(read.housekeeping_every.map(Duration::from), Some(Duration::from_secs(300)));
        assert_eq!(read.retention.of("deploy-shop").abandon_after_s, Some(86_400));
        assert!(File::parse("").unwrap().retention.is_empty());
        for (line, told) in [
            ("max_age = '90 parsecs'", "\"90 parsecs\" is no length of time: write it such as 90d, 36h or 10m"),
            ("max_age = 90", "90 is no length of time: write it such as \"90d\""),
            ("abandon_after = '0s'", "\"0s\" is not from 1s to 20000d"),
            ("max_timelines = 0", "nonzero"),
            ("max_timelines = 'many'", "invalid type"),
            ("max_ages = '90d'", "unknown field `max_ages`"),
        ] {
            let error = File::parse(&format!("[[retention]]\ncontexts = ['*']\n{line}")).unwrap_err().to_string();
            assert!(error.starts_with("line 3: ") && error.contains(told), "{error}");
        }
        for (line, told) in [
            ("contexts = []", "line 2: contexts names none: [\"*\"] means all"),
            ("contexts = ['']", "line 2: the glob of contexts \"\" has 0 bytes"),
            ("contexts = '*'", "line 2: invalid type"),
            ("max_age = '90d'", "line 1: missing field `contexts`"),
        ] {
            let error = File::parse(&format!("[[retention]]\n{line}")).unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }

    #[test]
    fn secrets_come_from_the_environment_and_the_file_and_are_never_shown() {
        let environment = |pairs: &[(&str, &str)]| {
            let owned: Vec<_> = pairs.iter().map(|(k, v)| (OsString::from(k), OsString::from(v))).collect();
            owned.into_iter()
        };
        let file = || file("[secrets]\ngithub = 'file'\ngitlab = 'file'");
        let merged = secrets(file().secrets, environment(&[("UPTO_SECRET_GITHUB", "env"), ("PATH", "/")])).unwrap();
        assert_eq!(merged, [("github".into(), "env".into()), ("gitlab".into(), "file".into())].into());
        assert!(!format!("{:?}", file()).contains("'file'") && !format!("{:?}", file().secrets).contains("file"));
        let error = |pairs: &[(&str, &str)]| secrets(BTreeMap::new(), environment(pairs)).unwrap_err().to_string();
        assert!(error(&[("UPTO_SECRET_X", "")]).contains("\"x\" is empty"));
        assert!(error(&[("UPTO_SECRET_", "x")]).contains("has no name for one"));
        for wrong in
            ["github = 'swordfish", "github = ['swordfish']", "github swordfish", "github = 'swordfish'\ngithub = ''"]
        {
            let error = format!("{:?}", File::parse(&format!("\n[secrets]\n{wrong}")).unwrap_err());
            assert!(error.starts_with("line ") && !error.contains("swordfish"), "{error}");
        }
    }
}
