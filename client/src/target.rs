//! Where reports go: the URL of a server.

use std::fmt;
use std::str::FromStr;

/// How reports travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram a report; nothing comes back.
    Udp,
    /// One request a report; the server answers once the report is stored.
    Http,
}

impl Transport {
    /// The port where none is given: what `upto serve` listens on.
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp => 8123,
            Transport::Http => 8080,
        }
    }

    const fn scheme(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Http => "http",
        }
    }
}

/// A server: `udp://HOST:PORT` or `http://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    transport: Transport,
    /// A name or an address; IPv6 without its brackets.
    host: String,
    port: u16,
}

impl Target {
    /// A server at a host and a port. The host is a name or an address, IPv6 with or without brackets; the empty host
    /// is this machine, as it was for the original client.
    pub fn new(transport: Transport, host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let host = if bare.is_empty() { "localhost" } else { bare };
        Target { transport, host: host.to_owned(), port }
    }

    /// How reports travel to it.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Its name or address; IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Default for Target {
    /// `udp://localhost:8123`
    fn default() -> Self {
        Target::new(Transport::Udp, "localhost", Transport::Udp.default_port())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target { transport, host, port } = self;
        match host.contains(':') {
            true => write!(f, "{}://[{host}]:{port}", transport.scheme()),
            false => write!(f, "{}://{host}:{port}", transport.scheme()),
        }
    }
}

/// Why text is no URL of a server. None of these repeats the text, which could hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It asks for TLS.
    #[error("https:// is not spoken by this client; use http://, through a proxy on this machine where TLS is needed")]
    Https,
    /// It has no scheme, or one that is not known.
    #[error("a server's URL starts with udp:// or http://")]
    Scheme,
    /// It holds a user or a password.
    #[error("a server's URL holds no user or password; give a token by UPTO_TOKEN")]
    Credentials,
    /// It goes on after host and port.
    #[error("a server's URL ends after host and port")]
    Path,
    /// Its host holds what no host can hold.
    #[error("the URL's host is none; an IPv6 address stands in brackets, as in udp://[::1]:8123")]
    Host,
    /// Its port is no number from 1 to 65535.
    #[error("the URL's port is no number from 1 to 65535")]
    Port,
}

impl FromStr for Target {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let transport = match scheme.to_ascii_lowercase().as_str() {
            "udp" => Transport::Udp,
            "http" => Transport::Http,
            "https" => return Err(UrlError::Https),
            _ => return Err(UrlError::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        if authority.contains(['/', '?', '#']) {
            return Err(UrlError::Path);
        }
        let (host, port) = split(authority)?;
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(UrlError::Port)?,
            None => transport.default_port(),
        };
        Ok(Target::new(transport, host, port))
    }
}

/// Host and port of `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
fn split(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(UrlError::Host)?;
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':').ok_or(UrlError::Host)?),
            };
            (address, port)
        }
        None => match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(UrlError::Host),
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_no_host = |c: char| c.is_whitespace() || c.is_control() || "[]\\\"<>^`{|}".contains(c);
    match host.contains(is_no_host) {
        true => Err(UrlError::Host),
        false => Ok((host, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> Result<String, UrlError> {
        url.parse::<Target>().map(|target| target.to_string())
    }

    #[test]
    fn urls_with_their_defaults() {
        let good = [
            ("udp://web", "udp://web:8123"),
            ("udp://web:9", "udp://web:9"),
            ("http://web", "http://web:8080"),
            ("HTTP://web:80/", "http://web:80"),
            ("udp://[::1]", "udp://[::1]:8123"),
            ("http://[fe80::1%eth0]:9", "http://[fe80::1%eth0]:9"),
            ("udp://", "udp://localhost:8123"),
            ("udp://:9", "udp://localhost:9"),
            ("udp://10.0.0.1", "udp://10.0.0.1:8123"),
        ];
        for (url, expected) in good {
            assert_eq!(shown(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_server() {
        let bad = [
            ("https://web", UrlError::Https),
            ("web:8123", UrlError::Scheme),
            ("tcp://web", UrlError::Scheme),
            ("", UrlError::Scheme),
            ("http://user:secret@web", UrlError::Credentials),
            ("http://web/api", UrlError::Path),
            ("udp://web?x", UrlError::Path),
            ("udp://::1", UrlError::Host),
            ("udp://[::1", UrlError::Host),
            ("udp://[::1]9", UrlError::Host),
            ("udp://a b", UrlError::Host),
            ("udp://web:", UrlError::Port),
            ("udp://web:0", UrlError::Port),
            ("udp://web:65536", UrlError::Port),
            ("udp://web:http", UrlError::Port),
        ];
        for (url, expected) in bad {
            assert_eq!(shown(url), Err(expected), "{url}");
        }
    }

    #[test]
    fn hosts_of_the_original_client() {
        assert_eq!(Target::new(Transport::Udp, "[::1]", 9).to_string(), "udp://[::1]:9");
        assert_eq!(Target::new(Transport::Udp, "::1", 9).to_string(), "udp://[::1]:9");
        assert_eq!(Target::new(Transport::Udp, "", 9).to_string(), "udp://localhost:9");
    }
}
