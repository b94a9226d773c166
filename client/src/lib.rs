//! Tells an upto server what a program is up to.
//!
//! A [`Client`] sends [`Report`]s by UDP or by HTTP. By UDP it waits for nothing but a name's resolution; by HTTP it
//! waits for the server's answer. Either takes at most a second ([`TIMEOUT`]), whatever the server and the network do.
//!
//! ```
//! use upto_client::{Client, Kind, Report, Time};
//!
//! let client: Client = "udp://localhost:8123".parse()?;
//! let mut report = Report::new(Kind::Start, "deploy of shop", "db.migrate");
//! report.time = Some(Time::from_micros(1_795_357_276_000_000));
//! if let Err(error) = client.send(&report) {
//!     // The step goes on: whoever reports must not be stopped by the one reported to.
//!     eprintln!("upto does not know: {error}");
//! }
//! # Ok::<(), upto_client::UrlError>(())
//! ```

mod client;
mod http;
mod target;
mod udp;

pub use client::{Client, SendError, TIMEOUT};
pub use target::{Target, Transport, UrlError};
pub use upto_wire::{Kind, Labels, Report, Status, Time, WireError};
