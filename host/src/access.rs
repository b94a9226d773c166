//! Who may do what: tokens with scopes, and the names under which the server may be asked.
//!
//! A token is 32 random bytes as text; only its SHA-256 is kept, so that a configuration that is read by others opens
//! nothing. As it is random and long, no slow hash is needed.

use std::net::IpAddr;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What every token of upto begins with, so that scanners for secrets know one.
const PREFIX: &str = "upto_";
/// Random bytes of a token.
const RANDOM: usize = 32;

/// What a request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Send reports.
    Ingest,
    /// Look at everything.
    Read,
    /// Change functions and tables.
    Deploy,
    /// All of it.
    Admin,
}

impl Scope {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Ingest => "ingest",
            Scope::Read => "read",
            Scope::Deploy => "deploy",
            Scope::Admin => "admin",
        }
    }
}

/// A token as it is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Its name: the author of what is done with it.
    name: String,
    /// SHA-256 of the token, in hexadecimal.
    sha256: String,
    /// What it opens.
    scopes: Vec<Scope>,
}

/// The tokens of a server. Without any, everybody may do everything.
#[derive(Clone, Default)]
pub struct Access {
    tokens: Vec<(String, [u8; 32], Vec<Scope>)>,
    anonymous: Vec<Scope>,
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller(pub String);

/// Why a request may not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// It has no token, or one that nobody knows.
    Unknown,
    /// Its token does not open this.
    Scope(String),
}

impl Access {
    /// Takes over the configuration. `anonymous` is what needs no token.
    ///
    /// # Errors
    /// A sentence about a token that is not well formed.
    pub fn new(tokens: Vec<Token>, anonymous: Vec<Scope>) -> Result<Self, String> {
        let parse = |token: Token| match digest(&token.sha256) {
            Some(digest) => Ok((token.name, digest, token.scopes)),
            None => Err(format!(
                "sha256 of the token {:?} is not 64 hexadecimal digits; make one with: upto token",
                token.name
            )),
        };
        Ok(Access { tokens: tokens.into_iter().map(parse).collect::<Result<_, _>>()?, anonymous })
    }

    /// Whether there are tokens.
    pub fn is_guarded(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Whether somebody with this token (or none) may do what needs `scope`, and who it is.
    ///
    /// # Errors
    /// [`Denied`]
    pub fn check(&self, token: Option<&str>, scope: Scope) -> Result<Caller, Denied> {
        let known = token.and_then(|token| self.find(token));
        match known {
            Some((name, scopes)) if scopes.contains(&scope) || scopes.contains(&Scope::Admin) => {
                Ok(Caller(name.clone()))
            }
            // Who has a token may do what everybody may.
            _ if !self.is_guarded() || self.anonymous.contains(&scope) => {
                Ok(known.map_or_else(Caller::default, |(name, _)| Caller(name.clone())))
            }
            Some((name, _)) => Err(Denied::Scope(name.clone())),
            None => Err(Denied::Unknown),
        }
    }

    /// Compares with all tokens, and each whole: the time that it takes tells nothing.
    fn find(&self, token: &str) -> Option<(&String, &[Scope])> {
        let given: [u8; 32] = Sha256::digest(token).into();
        let mut found = None;
        for (name, digest, scopes) in &self.tokens {
            if bool::from(digest.ct_eq(&given)) {
                found = Some((name, scopes.as_slice()));
            }
        }
        found
    }
}

/// A new token and the digest that is kept of it.
///
/// # Errors
/// Where the system gives no random bytes.
pub fn new_token() -> std::io::Result<(String, String)> {
    let token = format!("{PREFIX}{}", random()?);
    let digest = hex(&Sha256::digest(&token));
    Ok((token, digest))
}

/// Text that nobody else has, nor can guess.
///
/// # Errors
/// Where the system gives no random numbers.
pub fn random() -> std::io::Result<String> {
    let mut random = [0; RANDOM];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut random)?;
    Ok(hex(&random))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    let digits = hex.len() == 64 && hex.is_ascii();
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok();
    let bytes: Vec<u8> = digits.then(|| (0..32).map(byte).collect::<Option<_>>())??;
    bytes.try_into().ok()
}

/// The names under which the server may be asked. A page that makes a browser believe that its own name leads here
/// (DNS rebinding) is told apart by the name.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// These names, beside addresses, `localhost` and the machine's own.
    pub fn new(names: Vec<String>) -> Self {
        let own = std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned());
        Hosts(names.into_iter().chain(own).map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether a `Host` header names this server.
    pub fn contains(&self, header: &str) -> bool {
        let port = |(_, port): (&str, &str)| port.bytes().all(|byte| byte.is_ascii_digit());
        let host = header.rsplit_once(':').filter(|split| port(*split)).map_or(header, |(host, _)| host);
        let host = host.to_ascii_lowercase();
        let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&host);
        address.parse::<IpAddr>().is_ok()
            || host == "localhost"
            || host.ends_with(".localhost")
            || self.0.contains(&host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(anonymous: &[Scope], scopes: &[Scope]) -> (Access, String) {
        let (token, sha256) = new_token().unwrap();
        let token_of_ci = Token { name: "ci".into(), sha256, scopes: scopes.to_vec() };
        (Access::new(vec![token_of_ci], anonymous.to_vec()).unwrap(), token)
    }

    #[test]
    fn a_token_opens_its_scopes_and_no_others() {
        let (access, token) = access(&[Scope::Read], &[Scope::Deploy]);
        let ci = Ok(Caller("ci".into()));
        assert_eq!(access.check(Some(&token), Scope::Deploy), ci);
        assert_eq!(access.check(Some(&token), Scope::Read), ci);
        assert_eq!(access.check(Some(&token), Scope::Ingest), Err(Denied::Scope("ci".into())));
        assert_eq!(access.check(None, Scope::Read), Ok(Caller::default()));
        assert_eq!(access.check(None, Scope::Deploy), Err(Denied::Unknown));
        assert_eq!(access.check(Some("upto_wrong"), Scope::Deploy), Err(Denied::Unknown));
    }

    #[test]
    fn admin_opens_all_and_no_tokens_guard_nothing() {
        let (access, token) = access(&[], &[Scope::Admin]);
        for scope in [Scope::Ingest, Scope::Read, Scope::Deploy, Scope::Admin] {
            assert!(access.check(Some(&token), scope).is_ok());
            assert_eq!(access.check(None, scope), Err(Denied::Unknown));
            assert!(Access::default().check(None, scope).is_ok());
        }
    }

    #[test]
    fn tokens_are_long_random_and_only_their_digests_are_kept() {
        let ((one, digest), (two, _)) = (new_token().unwrap(), new_token().unwrap());
        assert!(one != two && one.len() == 69 && one.starts_with(PREFIX) && !digest.contains(&one[5..]));
        let bad = Token { name: "x".into(), sha256: one, scopes: vec![] };
        assert!(Access::new(vec![bad], vec![]).err().unwrap().contains("64 hexadecimal digits"));
    }

    #[test]
    fn foreign_names_are_told_apart() {
        let hosts = Hosts::new(vec!["Upto.Example.com".into()]);
        for known in
            ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]", "10.1.2.3", "upto.example.com:80"]
        {
            assert!(hosts.contains(known), "{known}");
        }
        for foreign in ["evil.test", "evil.test:8080", "localhost.evil.test", "127.0.0.1.evil.test", "", "example.com"]
        {
            assert!(!hosts.contains(foreign), "{foreign}");
        }
    }
}
