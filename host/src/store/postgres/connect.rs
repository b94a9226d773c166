//! Connections, transactions and the schema.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use percent_encoding::percent_decode_str;
use tokio_postgres::{Client, Config};

use super::tls::{self, Tls};
use crate::store::{Result, StoreError};

/// The version of `schema.sql`.
const SCHEMA_VERSION: i32 = 4;
const SCHEMA: &str = include_str!("../../../../schema.sql");
/// Everyone who applies the schema takes this advisory lock; the number is "upto" in ASCII.
const SCHEMA_LOCK: i64 = 0x7570_746f;

/// Connections of an instance, where the URL does not say `pool=`.
const POOL_SIZE: usize = 4;
/// To wait and to connect take less than 5 s together: so long a dead server may stay unnoticed.
const WAIT_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(2_500);
/// When a connection whose other side is silently gone breaks.
const SILENCE: Duration = Duration::from_secs(5);

/// `SET LOCAL`, as a pooler would give what is set for a session to another one. Without JIT: the planner thinks that many
/// look-ups by key are dear, and to compile them takes a hundred times as long as they do.
pub(super) const BEGIN: &str = "BEGIN; SET LOCAL jit = off; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '2s'; \
    SET LOCAL idle_in_transaction_session_timeout = '10s'";

/// A server, and how it is connected to.
#[derive(Clone)]
pub(super) struct Server {
    pub config: Config,
    pub tls: Tls,
}

/// How to connect to the server of a URL, and with how many connections.
pub(super) fn parse(url: &str) -> Result<(Server, usize)> {
    let Own { rest, pool, mode, roots } = Own::take_out(url)?;
    let invalid = |error: tokio_postgres::Error| StoreError::Fatal(format!("the store URL can't be used: {error}"));
    let mut config: Config = rest.parse().map_err(invalid)?;
    let tls = tls::configure(&mut config, mode.as_deref(), roots.as_deref())?;
    if config.get_application_name().is_none() {
        config.application_name("upto");
    }
    config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
    Ok((Server { config, tls }, pool))
}

/// A pool. Nothing is connected yet.
pub(super) fn pool(Server { config, tls }: Server, size: usize) -> Result<Pool> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match tls {
        Tls::Off(none) => Manager::from_config(config, none, recycling),
        Tls::On(tls) => Manager::from_config(config, tls, recycling),
    };
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .build()
        .map_err(|error| StoreError::Fatal(error.to_string()))
}

/// The parameters of a URL that the driver does not know, or not with all their values.
#[derive(Debug, PartialEq, Eq)]
struct Own {
    /// The URL without them.
    rest: String,
    pool: usize,
    mode: Option<String>,
    roots: Option<String>,
}

impl Own {
    fn take_out(url: &str) -> Result<Self> {
        let mut own = Own { rest: url.to_owned(), pool: POOL_SIZE, mode: None, roots: None };
        let Some((base, query)) = url.split_once('?') else { return Ok(own) };
        let mut others = Vec::new();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = || Some(percent_decode_str(value).decode_utf8_lossy().into_owned());
            match key {
                "pool" => own.pool = pool_size(value)?,
                "sslmode" => own.mode = text(),
                "sslrootcert" => own.roots = text(),
                _ => others.push(pair),
            }
        }
        own.rest = format!("{base}?{}", others.join("&"));
        Ok(own)
    }
}

fn pool_size(value: &str) -> Result<usize> {
    let size = value.parse().ok().filter(|size| (1..=1_000).contains(size));
    size.ok_or_else(|| StoreError::Fatal("pool= in the store URL is a number from 1 to 1000".to_owned()))
}

/// A connection with a transaction open. Dropped before it is ended, the connection is closed: the pool must never give
/// out one in the middle of something.
pub(super) struct Transaction(Option<Object>);

impl Transaction {
    /// Around a connection on which [`BEGIN`] is about to be sent.
    pub fn on(connection: Object) -> Self {
        Transaction(Some(connection))
    }

    /// Begins one.
    pub async fn begin(pool: &Pool) -> Result<Self> {
        let transaction = Transaction::on(pool.get().await?);
        transaction.client().batch_execute(BEGIN).await?;
        Ok(transaction)
    }

    pub fn client(&self) -> &Client {
        self.0.as_ref().expect("the connection is there until the transaction is ended")
    }

    pub async fn commit(mut self) -> Result<()> {
        self.client().batch_execute("COMMIT").await?;
        self.ended();
        Ok(())
    }

    pub async fn roll_back(mut self) -> Result<()> {
        self.client().batch_execute("ROLLBACK").await?;
        self.ended();
        Ok(())
    }

    /// Gives the connection back; the server has ended the transaction.
    pub fn ended(&mut self) {
        self.0.take();
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

/// Applies `schema.sql` where the schema is older or not there; refuses one that is newer.
pub(super) async fn prepare_schema(pool: &Pool) -> Result<()> {
    let connection = pool.get().await?;
    // Most starts end here, without a lock and without the right to create anything.
    if version(&connection).await? == Some(SCHEMA_VERSION) {
        return Ok(());
    }
    drop(connection);
    let transaction = Transaction::begin(pool).await?;
    let client = transaction.client();
    // Others may be at it: their work takes as long as it takes, up to the limit on the statement.
    client.batch_execute(&format!("SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")).await?;
    if version(client).await? < Some(SCHEMA_VERSION) {
        client.batch_execute(SCHEMA).await?;
    }
    transaction.commit().await
}

/// The version of the schema, `None` where there is none.
async fn version(client: &Client) -> Result<Option<i32>> {
    let exists = client.query_typed("SELECT to_regclass('upto.schema_version') IS NOT NULL", &[]).await?;
    if !exists[0].get::<_, bool>(0) {
        return Ok(None);
    }
    let rows = client.query_typed("SELECT max(version) FROM upto.schema_version", &[]).await?;
    match rows[0].get(0) {
        Some(version) if version > SCHEMA_VERSION => Err(StoreError::Fatal(format!(
            "the store has schema version {version}, this upto knows versions up to {SCHEMA_VERSION}: use a newer upto"
        ))),
        version => Ok(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_does_not_know_is_taken_out_of_the_url() {
        let own = |url| Own::take_out(url).map_err(|error| error.to_string());
        let plain = Own { rest: "postgres://h/d".to_owned(), pool: POOL_SIZE, mode: None, roots: None };
        assert_eq!(own("postgres://h/d"), Ok(plain));
        let (mode, roots) = (Some("verify-ca".to_owned()), Some("/a b/ca.crt".to_owned()));
        let full = Own { rest: "postgres://h/d?a=b".to_owned(), pool: 9, mode, roots };
        assert_eq!(own("postgres://h/d?pool=9&a=b&sslmode=verify-ca&sslrootcert=%2Fa%20b/ca.crt"), Ok(full));
        assert!(own("postgres://h/d?pool=0").is_err());
        assert!(own("postgres://h/d?pool=many").is_err());
    }

    #[test]
    fn the_file_has_the_version_that_this_upto_knows() {
        assert!(SCHEMA.contains(&format!("INSERT INTO upto.schema_version (version) VALUES ({SCHEMA_VERSION})")));
    }
}
