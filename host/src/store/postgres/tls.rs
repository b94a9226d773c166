//! TLS to the server, with the meaning that libpq gives to `sslmode` and `sslrootcert`.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::{Result, StoreError};

/// How connections are encrypted.
#[derive(Clone)]
pub(super) enum Tls {
    /// Not at all.
    Off(NoTls),
    /// As the mode of the [`Config`] says.
    On(MakeRustlsConnect),
}

/// What is checked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Nothing,
    Chain,
    ChainAndName,
}

/// Sets how `config` connects, from the values of `sslmode=` and `sslrootcert=`.
pub(super) fn configure(config: &mut Config, mode: Option<&str>, roots: Option<&str>) -> Result<Tls> {
    let (mode, check) = meaning(mode, roots)?;
    let named = config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_)));
    let sockets_only = !named && !config.get_hosts().is_empty();
    // As with libpq, a Unix socket needs none. Without a host name the driver can't.
    if mode == SslMode::Disable || sockets_only || (mode == SslMode::Prefer && !named) {
        config.ssl_mode(SslMode::Disable);
        return Ok(Tls::Off(NoTls));
    }
    if !named {
        return Err(StoreError::Fatal("TLS needs the name of the server: give the store URL a host".to_owned()));
    }
    config.ssl_mode(mode);
    Ok(Tls::On(MakeRustlsConnect::new(client(check, roots)?)))
}

/// What the driver is told, and what is checked beside that.
fn meaning(mode: Option<&str>, roots: Option<&str>) -> Result<(SslMode, Check)> {
    let system = roots == Some("system");
    let found = match mode {
        Some("disable") => (SslMode::Disable, Check::Nothing),
        Some("verify-full") => (SslMode::Require, Check::ChainAndName),
        None if system => (SslMode::Require, Check::ChainAndName),
        Some("prefer") | None => (SslMode::Prefer, Check::Nothing),
        Some("require") if roots.is_none() => (SslMode::Require, Check::Nothing),
        Some("require" | "verify-ca") => (SslMode::Require, Check::Chain),
        Some(_) => {
            let modes = "disable, prefer, require, verify-ca or verify-full";
            return Err(StoreError::Fatal(format!("sslmode= in the store URL is {modes}")));
        }
    };
    // Anybody can have a certificate of a public authority for a name of their own.
    if system && found.1 != Check::ChainAndName {
        return Err(StoreError::Fatal("sslrootcert=system in the store URL needs sslmode=verify-full".to_owned()));
    }
    Ok(found)
}

fn client(check: Check, roots: Option<&str>) -> Result<ClientConfig> {
    let unusable = |error: &dyn std::fmt::Display| StoreError::Fatal(format!("TLS can't be used: {error}"));
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match check {
        Check::Nothing => Arc::new(Unchecked(provider.clone())),
        Check::Chain | Check::ChainAndName => {
            let (certificates, store) = trusted(roots)?;
            let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build();
            let chain = chain.map_err(|error| unusable(&error))?;
            Arc::new(Checked { chain, certificates, name: check == Check::ChainAndName })
        }
    };
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.map_err(|error| unusable(&error))?;
    let mut client = client.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    // Servers from 17 on want to hear it where TLS comes first (`sslnegotiation=direct`).
    client.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(client)
}

/// The certificates of a file, or those that the system trusts: an operator's own authorities are among these, unlike
/// in a list that is built in. The first part is what the file holds, the second what may sign.
fn trusted(roots: Option<&str>) -> Result<(Vec<CertificateDer<'static>>, RootCertStore)> {
    let path = roots.filter(|path| *path != "system");
    let found = match path {
        None => rustls_native_certs::load_native_certs().certs,
        Some(path) => CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| {
            StoreError::Fatal(format!("sslrootcert={path} in the store URL can't be read: {error}"))
        })?,
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.iter().cloned());
    if store.is_empty() {
        let place = path.unwrap_or("the system's store");
        return Err(StoreError::Fatal(format!(
            "{place} holds no certificate to check the server with: name a PEM file with sslrootcert= in the store URL"
        )));
    }
    Ok((if path.is_some() { found } else { Vec::new() }, store))
}

/// Encrypts and asks nothing, signatures neither: who could forge one could as well show another certificate.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Checks the chain, and the name where it is asked for.
#[derive(Debug)]
struct Checked {
    chain: Arc<WebPkiServerVerifier>,
    /// Certificates of the operator's file.
    certificates: Vec<CertificateDer<'static>>,
    name: bool,
}

impl ServerCertVerifier for Checked {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        // The usual self-signed certificate says that it is an authority, which webpki refuses to take for a server's.
        if self.certificates.iter().any(|known| known == certificate) {
            if self.name {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match self.chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is looked at last, when the chain has been found good.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// What to do about TLS that will fail again, `None` where the error is another one or may pass.
pub(super) fn advice(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let cause = error.source()?;
    // The driver has no kind for it that can be seen.
    if cause.to_string() == "server does not support TLS" {
        return Some("Postgres does not offer TLS: switch it on there (ssl = on), or use sslmode=disable".to_owned());
    }
    let error = cause.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>()?;
    let remedy = match error {
        // The second where the authority has the name of a trusted one and another key.
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "name a file with the authority that signed it: sslrootcert=PATH in the store URL"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "connect to a name in its subjectAltName, or check only who signed it with sslmode=verify-ca",
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => "give the server another one",
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            return Some(format!("Postgres and upto share no way of TLS (1.2 or 1.3 is needed): {error}"));
        }
        _ => return None,
    };
    Some(format!("the certificate of Postgres is refused: {error}; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_mean_what_they_mean_to_libpq() {
        let ok = |mode, roots| meaning(mode, roots).expect("a mode");
        assert_eq!(ok(None, None), (SslMode::Prefer, Check::Nothing));
        assert_eq!(ok(Some("disable"), None), (SslMode::Disable, Check::Nothing));
        assert_eq!(ok(Some("require"), None), (SslMode::Require, Check::Nothing));
        assert_eq!(ok(Some("require"), Some("ca.crt")), (SslMode::Require, Check::Chain));
        assert_eq!(ok(Some("verify-ca"), None), (SslMode::Require, Check::Chain));
        assert_eq!(ok(Some("verify-full"), Some("system")), (SslMode::Require, Check::ChainAndName));
        assert_eq!(ok(None, Some("system")), (SslMode::Require, Check::ChainAndName));
        for (mode, roots) in [("verify-ca", Some("system")), ("require", Some("system")), ("always", None)] {
            assert!(matches!(meaning(Some(mode), roots), Err(StoreError::Fatal(_))), "{mode}");
        }
    }

    #[test]
    fn a_unix_socket_needs_no_tls() {
        let mut config: Config = "postgres://u@%2Frun/d".parse().expect("a URL");
        assert!(matches!(configure(&mut config, Some("require"), None), Ok(Tls::Off(_))));
        assert_eq!(config.get_ssl_mode(), SslMode::Disable);
    }
}
