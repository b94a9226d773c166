//! TLS to Postgres, with real servers and certificates.

use std::sync::Arc as Shared;

use upto_tests::postgres::{Database as Server, Issuer, Postgres};

use super::open;
use crate::store::StoreError;

/// A server with TLS and a database on it.
fn with_tls(issuer: Issuer) -> (Shared<Postgres>, Server) {
    let postgres = Shared::new(Postgres::start_with_tls(issuer).expect("a cluster of its own"));
    let database = Server::fresh_on(&postgres).expect("a database");
    (postgres, database)
}

async fn refusal(url: &str) -> String {
    match open(url).await.err() {
        Some(StoreError::Fatal(text)) => {
            assert!(!text.contains("not-secret"), "{text}");
            text
        }
        other => panic!("{url}: {other:?}"),
    }
}

/// How many of upto's connections to a database are encrypted, and how many are not.
fn connections(database: &Server) -> (usize, usize) {
    let sql = "SELECT ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
               WHERE datname = current_database() AND application_name = 'upto'";
    let rows = database.query(sql).expect("the server answers");
    let encrypted = rows.iter().filter(|row| row[0].as_deref() == Some("t")).count();
    (encrypted, rows.len() - encrypted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_signed_certificate_encrypts_and_is_trusted_where_it_is_named() {
    let (postgres, database) = with_tls(Issuer::Itself);
    for mode in ["", "?sslmode=prefer", "?sslmode=require"] {
        let store = open(&format!("{}{mode}", database.url())).await.expect(mode);
        store.registry_changed().await;
        let (encrypted, plain) = connections(&database);
        assert!(encrypted >= 2 && plain == 0, "{mode}: one of the pool and the one that listens, {encrypted}, {plain}");
        drop(store);
        database
            .execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'upto'")
            .expect("they end");
    }
    let store = open(&format!("{}?sslmode=disable", database.url())).await.expect("it opens");
    assert!(matches!(connections(&database), (0, 1..)), "nothing is encrypted");
    drop(store);

    let (_, name) = database.url().rsplit_once('/').expect("a URL");
    let (named, roots) = (postgres.named_url(name), postgres.roots().display().to_string());
    for mode in ["require", "verify-ca", "verify-full"] {
        open(&format!("{named}?sslmode={mode}&sslrootcert={roots}")).await.expect(mode);
    }
    let other = refusal(&format!("{}?sslmode=verify-full&sslrootcert={roots}", database.url())).await;
    assert!(other.contains("subjectAltName"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_checked_against_its_authority_and_its_name() {
    let (postgres, database) = with_tls(Issuer::Authority);
    let (_, name) = database.url().rsplit_once('/').expect("a URL");
    let (named, roots) = (postgres.named_url(name), postgres.roots().display().to_string());
    let known = format!("sslrootcert={roots}");
    open(&format!("{named}?sslmode=verify-full&{known}")).await.expect("the name is right");
    open(&format!("{}?sslmode=verify-ca&{known}", database.url())).await.expect("the name is not checked");
    open(&format!("{}?sslmode=require", database.url())).await.expect("nothing is checked");

    let other = refusal(&format!("{}?sslmode=verify-full&{known}", database.url())).await;
    assert!(other.contains("subjectAltName") && other.contains("127.0.0.1"), "{other}");
    // Authorities that did not sign it: one of another name, one of the same.
    for issuer in [Issuer::Itself, Issuer::Authority] {
        let (elsewhere, _database) = with_tls(issuer);
        let foreign = format!("sslrootcert={}", elsewhere.roots().display());
        for mode in ["require", "verify-ca", "verify-full"] {
            let unknown = refusal(&format!("{named}?sslmode={mode}&{foreign}")).await;
            assert!(unknown.contains("sslrootcert=PATH"), "{mode}: {unknown}");
        }
    }
    let missing = refusal(&format!("{named}?sslmode=verify-full&sslrootcert=/no/such.crt")).await;
    assert!(missing.contains("sslrootcert=/no/such.crt") && missing.contains("read"), "{missing}");
    postgres.kill().expect("it ends");
    let away = open(&format!("{named}?sslmode=verify-full&{known}")).await.err();
    assert!(matches!(away, Some(StoreError::Unavailable(_))), "{away:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_used_only_where_that_is_allowed() {
    let database = Server::fresh().expect("a database");
    open(&format!("{}?sslmode=prefer", database.url())).await.expect("it opens");
    let refused = refusal(&format!("{}?sslmode=require", database.url())).await;
    assert!(refused.contains("does not offer TLS") && refused.contains("sslmode=disable"), "{refused}");
    let unknown = refusal(&format!("{}?sslmode=always", database.url())).await;
    assert!(unknown.contains("verify-full"), "{unknown}");
}
