//! The connection, and what is asked of the server at the start.

use std::collections::HashMap;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo, RedisResult, ScriptInvocation,
    TlsCertificates, cmd,
};
use tokio::sync::Mutex;

use super::errors;
use crate::store::{Durability, Result, StoreError};

/// The version of the layout of keys.
const SCHEMA_VERSION: u32 = 1;
/// The oldest version of Redis with all that the scripts use.
const OLDEST_REDIS: u32 = 7;

/// How long a call may take: a script is quick, but waits for those of others.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// How long what readiness asks may take: nobody wants an answer that is older.
const PING_TIMEOUT: Duration = Duration::from_secs(4);
/// To wait for others who connect, and to connect: so long a dead server may stay unnoticed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// When a connection whose other side is silently gone breaks.
const SILENCE: Duration = Duration::from_secs(5);

/// A server, and the one connection to it that all calls share: it does one thing after another anyway.
pub(super) struct Server {
    client: Client,
    /// `None` until the first call, and when it broke.
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Server {
    /// The server of a URL. Nothing is connected yet.
    pub fn new(url: &str) -> Result<Self> {
        let (rest, roots) = take_roots_out(url);
        let client = client(&rest, roots.as_deref())
            .map_err(|error| StoreError::Fatal(format!("the store URL can't be used: {error}")))?;
        Ok(Server { client, connection: Mutex::default() })
    }

    async fn connection(&self) -> Result<MultiplexedConnection> {
        let connect = async {
            let mut connection = self.connection.lock().await;
            if let Some(connection) = &*connection {
                return Ok(connection.clone());
            }
            // Limits on time are set by who calls.
            let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
            let made = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            Ok(connection.insert(made).clone())
        };
        let late = |_| StoreError::Unavailable("Redis can't be reached in time".to_owned());
        tokio::time::timeout(CONNECT_TIMEOUT, connect).await.map_err(late)?
    }

    /// Does something on the connection in time, and forgets that where it broke or does not answer: the next call makes
    /// another one. The outer error is one of connecting, or of time.
    async fn attempt<T>(
        &self,
        limit: Duration,
        call: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<RedisResult<T>> {
        let done = tokio::time::timeout(limit, async { Ok(call(&mut self.connection().await?).await) }).await;
        let late = || StoreError::Unavailable(format!("Redis did not answer within {} s", limit.as_secs()));
        let answer = done.unwrap_or_else(|_| Err(late()));
        let is_good = match &answer {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => !errors::is_broken(error),
            Err(_) => false,
        };
        // Where it can't be had at once somebody is about to make another one.
        if !is_good && let Ok(mut connection) = self.connection.try_lock() {
            *connection = None;
        }
        answer
    }

    /// Runs a command.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        Ok(self.attempt(CALL_TIMEOUT, async |connection| command.query_async(connection).await).await??)
    }

    /// Runs a command that not every user may run and not every server has. `None` where it is refused.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<Option<T>> {
        match self.attempt(PING_TIMEOUT, async |connection| command.query_async(connection).await).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if matches!(error.code(), Some("NOPERM" | "ERR")) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs a script.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T> {
        Ok(self.attempt(CALL_TIMEOUT, async |connection| script.invoke_async(connection).await).await??)
    }

    pub async fn ping(&self) -> Result<()> {
        Ok(self.attempt(PING_TIMEOUT, async |connection| cmd("PING").query_async(connection).await).await??)
    }

    /// Sees that this upto can use the server and what is in it, and tells what does not bode well.
    pub async fn prepare(&self) -> Result<()> {
        self.check_server().await?;
        self.command::<()>(cmd("SET").arg("upto:schema").arg(SCHEMA_VERSION).arg("NX")).await?;
        let version: String = self.command(cmd("GET").arg("upto:schema")).await?;
        match version.parse::<u32>() {
            Ok(version) if version > SCHEMA_VERSION => {
                return Err(StoreError::Fatal(format!(
                    "the store has schema version {version}, this upto knows versions up to {SCHEMA_VERSION}: use a newer upto"
                )));
            }
            Ok(_) => {}
            Err(_) => return Err(StoreError::Fatal("the key upto:schema holds no version of upto".to_owned())),
        }
        match self.durability().await? {
            Durability::Strong => {}
            Durability::Weak(reason) => tracing::warn!(reason, "Redis may lose what upto has acknowledged"),
            Durability::Unknown(reason) => {
                tracing::warn!(reason, "Redis does not tell whether it keeps what it is given")
            }
        }
        Ok(())
    }

    async fn check_server(&self) -> Result<()> {
        let Some(info) = self.ask::<String>(cmd("INFO").arg("server")).await? else { return Ok(()) };
        let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if value("redis_mode") == Some("cluster") {
            return Err(StoreError::Fatal("the Redis server is a cluster, which upto can't use".to_owned()));
        }
        let version = value("redis_version").unwrap_or_default();
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major < OLDEST_REDIS) {
            return Err(StoreError::Fatal(format!(
                "the server is Redis {version}: upto needs Redis {OLDEST_REDIS} or newer"
            )));
        }
        Ok(())
    }

    /// Whether what the server has acknowledged is on its disk, by its settings as they are now.
    pub async fn durability(&self) -> Result<Durability> {
        const WANTED: [(&str, &str); 4] = [
            ("appendonly", "yes"),
            ("appendfsync", "always"),
            ("no-appendfsync-on-rewrite", "no"),
            ("maxmemory-policy", "noeviction"),
        ];
        let mut ask = cmd("CONFIG");
        ask.arg("GET");
        for (name, _) in WANTED {
            ask.arg(name);
        }
        let Some(settings) = self.ask::<HashMap<String, String>>(&ask).await? else {
            return Ok(Durability::Unknown("CONFIG GET is not allowed".to_owned()));
        };
        let differs = |(name, wanted): &(&str, &str)| match settings.get(*name) {
            Some(value) if value == wanted => None,
            Some(value) => Some(format!("{name} is {value}, not {wanted}")),
            None => Some(format!("{name} is not told")),
        };
        let weak: Vec<String> = WANTED.iter().filter_map(differs).collect();
        Ok(if weak.is_empty() { Durability::Strong } else { Durability::Weak(weak.join(", ")) })
    }
}

/// The URL without `sslrootcert=`, and the value of that.
fn take_roots_out(url: &str) -> (String, Option<String>) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let (own, others): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| pair.starts_with("sslrootcert="));
    let value = own.first().and_then(|pair| pair.split_once('='));
    let roots = value.map(|(_, path)| percent_decode_str(path).decode_utf8_lossy().into_owned());
    (format!("{base}?{}", others.join("&")), roots)
}

fn client(url: &str, roots: Option<&str>) -> std::result::Result<Client, String> {
    let info = url.into_connection_info().map_err(|error| error.to_string())?;
    let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(SILENCE);
    let info = info.set_tcp_settings(tcp);
    let client = match roots {
        None => Client::open(info),
        Some(path) => {
            let read = std::fs::read(path).map_err(|error| format!("sslrootcert={path} can't be read: {error}"))?;
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(read) })
        }
    };
    client.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_does_not_know_is_taken_out_of_the_url() {
        let own = |url| take_roots_out(url);
        assert_eq!(own("redis://h/3"), ("redis://h/3".to_owned(), None));
        let (rest, roots) = own("rediss://h/3?protocol=resp3&sslrootcert=%2Fa%20b/ca.crt");
        assert_eq!((rest.as_str(), roots.as_deref()), ("rediss://h/3?protocol=resp3", Some("/a b/ca.crt")));
    }
}
