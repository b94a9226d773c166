//! The client: a report in, bytes out.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use upto_wire::{Report, WireError, msgpack};

use crate::http::Http;
use crate::udp::Udp;
use crate::{Target, Transport, UrlError};

/// The longest that one report can take, however dead the server: resolving a name, and by HTTP the whole exchange.
pub const TIMEOUT: Duration = Duration::from_secs(1);

/// Why a report did not reach the server, as far as the sender can know.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The host's name has no address, or none was found in time.
    #[error("{host} can't be resolved: {reason}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// The datagram could not be sent, or this machine's kernel says that nobody listens.
    #[error("{target}: {error}")]
    Udp {
        /// The server.
        target: Target,
        /// What the kernel says.
        error: io::Error,
    },
    /// The request failed before the server answered.
    #[error("{target}: {reason}")]
    Http {
        /// The server.
        target: Target,
        /// What went wrong.
        reason: String,
    },
    /// The server answered, but not with success.
    #[error("{target} answered {status}{detail}")]
    Answer {
        /// The server.
        target: Target,
        /// The HTTP status.
        status: u16,
        /// What the server says about it, after a colon; empty if it says nothing.
        detail: String,
    },
    /// The token holds bytes that a header can't carry.
    #[error("the token holds characters that an HTTP header can't carry")]
    Token,
    /// It was sent, but every server refuses such a report.
    #[error("the server will refuse the report: {0}")]
    Refused(#[from] WireError),
}

/// Sends reports to one server. Cheap to make, and can be shared between threads.
pub struct Client {
    target: Target,
    channel: Channel,
}

enum Channel {
    Udp(Udp),
    Http(Box<Http>),
}

impl Client {
    /// A client of this server.
    pub fn new(target: Target) -> Self {
        let channel = match target.transport() {
            Transport::Udp => Channel::Udp(Udp::default()),
            Transport::Http => Channel::Http(Box::new(Http::new(&target))),
        };
        Client { target, channel }
    }

    /// A client as the environment asks for it: `UPTO_URL` (else `udp://localhost:8123`) and `UPTO_TOKEN`.
    ///
    /// # Errors
    /// A [`UrlError`] if `UPTO_URL` is no URL of a server.
    pub fn from_env() -> Result<Self, UrlError> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let target = variable("UPTO_URL").map_or_else(|| Ok(Target::default()), |url| url.parse())?;
        let client = Client::new(target);
        Ok(match variable("UPTO_TOKEN") {
            Some(token) => client.with_token(&token),
            None => client,
        })
    }

    /// Lets HTTP requests carry `Authorization: Bearer TOKEN`. Datagrams carry no token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        if let Channel::Http(http) = &mut self.channel {
            http.set_token(token);
        }
        self
    }

    /// The server.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a report as it is. It takes at most [`TIMEOUT`].
    ///
    /// By UDP, success says only that the datagram left; by HTTP, that the server stored the report.
    ///
    /// # Errors
    /// A [`SendError`]. A report that no server takes (an empty context, a name that is too long) is sent all the
    /// same, so that the server counts it, and then told by [`SendError::Refused`].
    pub fn send(&self, report: &Report<'_>) -> Result<(), SendError> {
        let mut bytes = Vec::with_capacity(256);
        msgpack::encode(report, &mut bytes);
        match &self.channel {
            Channel::Udp(udp) => udp.send(&self.target, &bytes)?,
            Channel::Http(http) => http.send(&self.target, &bytes)?,
        }
        Ok(report.clone().check()?)
    }
}

impl FromStr for Client {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        url.parse().map(Client::new)
    }
}

/// Without the token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("target", &self.target).finish_non_exhaustive()
    }
}
