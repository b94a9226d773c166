//! Example runs for an empty store, sent as datagrams through the socket that everybody uses.

mod story;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use upto_wire::{Report, Time, msgpack};

use crate::clock;
use crate::store::Store;
use crate::telemetry::Telemetry;

/// Datagrams that are sent before the server has to have taken them.
const BURST: u64 = 64;
/// How long the server may take for a burst; a datagram may always be lost.
const BURST_WAIT: Duration = Duration::from_secs(1);
/// How often the live run looks what is due, and a burst whether it was taken.
const TICK: Duration = Duration::from_millis(50);

/// Fills the store if it is empty: finished runs at once, and one that goes on while you watch.
pub async fn run(store: Arc<dyn Store>, server: SocketAddr, telemetry: Arc<Telemetry>, shutdown: CancellationToken) {
    match store.contexts(None, 1).await {
        Ok(contexts) if contexts.is_empty() => {}
        Ok(_) => return tracing::info!("the store has contexts already; the demo adds nothing"),
        Err(error) => return tracing::warn!(%error, "the demo can't see whether the store is empty"),
    }
    let sent = async {
        let demo = Demo { socket: connect(server).await?, telemetry };
        let now = clock::now();
        demo.send_all(&story::past(now)).await?;
        tracing::info!("the demo's finished runs are in; one more goes on live");
        demo.send_as_due(story::live(now)).await
    };
    tokio::select! {
        sent = sent => if let Err(error) = sent {
            tracing::warn!(%error, "the demo could not be sent");
        },
        () = shutdown.cancelled() => {}
    }
}

/// A socket to the server; where that listens on every address, to loopback.
async fn connect(mut server: SocketAddr) -> std::io::Result<UdpSocket> {
    if server.ip().is_unspecified() {
        let loopback = if server.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        server.set_ip(loopback);
    }
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    Ok(socket)
}

struct Demo {
    socket: UdpSocket,
    telemetry: Arc<Telemetry>,
}

impl Demo {
    async fn send_all(&self, reports: &[Report<'_>]) -> std::io::Result<()> {
        for burst in reports.chunks(BURST as usize) {
            let taken = self.telemetry.datagrams.get() + burst.len() as u64;
            for report in burst {
                self.send(report).await?;
            }
            let wait = async {
                while self.telemetry.datagrams.get() < taken {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let _ = tokio::time::timeout(BURST_WAIT, wait).await;
        }
        Ok(())
    }

    /// Sends each report when its time has come. They are in the order of their times.
    async fn send_as_due(&self, reports: Vec<Report<'_>>) -> std::io::Result<()> {
        for report in reports {
            while report.time > Some(clock::now()) {
                tokio::time::sleep(TICK).await;
            }
            self.send(&report).await?;
        }
        Ok(())
    }

    async fn send(&self, report: &Report<'_>) -> std::io::Result<()> {
        let mut datagram = Vec::with_capacity(256);
        msgpack::encode(report, &mut datagram);
        self.socket.send(&datagram).await.map(|_| ())
    }
}

/// `seconds` after `time`.
fn after(time: Time, seconds: f64) -> Time {
    Time::from_micros(time.micros() + (seconds * 1e6) as i64)
}
