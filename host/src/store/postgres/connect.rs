//! Connections, transactions and the schema.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

use crate::store::{Result, StoreError};

/// The version of `schema.sql`.
const SCHEMA_VERSION: i32 = 2;
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

/// `SET LOCAL`, as a pooler would give what is set for a session to another one.
pub(super) const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '2s'; \
    SET LOCAL idle_in_transaction_session_timeout = '10s'";

/// How to connect to the server of a URL, and with how many connections.
pub(super) fn parse(url: &str) -> Result<(Config, usize)> {
    let (url, size) = split_pool_size(url)?;
    let invalid = |error: tokio_postgres::Error| StoreError::Fatal(format!("the store URL can't be used: {error}"));
    let mut config: Config = url.parse().map_err(invalid)?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(StoreError::Fatal("upto speaks to Postgres without TLS: remove sslmode=require".to_owned()));
    }
    if config.get_application_name().is_none() {
        config.application_name("upto");
    }
    config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
    Ok((config, size))
}

/// A pool. Nothing is connected yet.
pub(super) fn pool(config: Config, size: usize) -> Result<Pool> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    Pool::builder(Manager::from_config(config, NoTls, recycling))
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .build()
        .map_err(|error| StoreError::Fatal(error.to_string()))
}

/// Takes `pool=N`, which is upto's own, out of a URL.
fn split_pool_size(url: &str) -> Result<(String, usize)> {
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), POOL_SIZE)) };
    let (own, others): (Vec<_>, Vec<_>) = query.split('&').partition(|pair| pair.starts_with("pool="));
    let size = match own.last().map(|pair| pair["pool=".len()..].parse()) {
        None => POOL_SIZE,
        Some(Ok(size @ 1..=1_000)) => size,
        Some(_) => return Err(StoreError::Fatal("pool= in the store URL is a number from 1 to 1000".to_owned())),
    };
    Ok((format!("{base}?{}", others.join("&")), size))
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
    fn the_pool_size_is_taken_out_of_the_url() {
        let split = |url| split_pool_size(url).map_err(|error| error.to_string());
        assert_eq!(split("postgres://h/d"), Ok(("postgres://h/d".to_owned(), POOL_SIZE)));
        assert_eq!(split("postgres://h/d?pool=9&a=b"), Ok(("postgres://h/d?a=b".to_owned(), 9)));
        assert!(split("postgres://h/d?pool=0").is_err());
        assert!(split("postgres://h/d?pool=many").is_err());
    }

    #[test]
    fn the_file_has_the_version_that_this_upto_knows() {
        assert!(SCHEMA.contains(&format!("INSERT INTO upto.schema_version (version) VALUES ({SCHEMA_VERSION})")));
    }
}
