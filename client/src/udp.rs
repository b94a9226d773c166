//! Reports by UDP: a datagram each, and nothing to wait for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::{SendError, TIMEOUT, Target};

/// The socket of the first datagram serves the next ones, so that a name is resolved once.
#[derive(Default)]
pub(crate) struct Udp {
    connected: Mutex<Option<UdpSocket>>,
}

impl Udp {
    /// Sends one datagram to the first of the host's addresses that this machine can send to.
    pub(crate) fn send(&self, target: &Target, datagram: &[u8]) -> Result<(), SendError> {
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        // An error here may be the answer to the datagram before: this one is tried once more, on a new socket.
        if let Some(socket) = connected.take()
            && deliver(&socket, datagram).is_ok()
        {
            *connected = Some(socket);
            return Ok(());
        }
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses(target)? {
            match connect(address).and_then(|socket| deliver(&socket, datagram).map(|()| socket)) {
                Ok(socket) => {
                    *connected = Some(socket);
                    return Ok(());
                }
                Err(error) => failure = error,
            }
        }
        Err(SendError::Udp { target: target.clone(), error: failure })
    }
}

fn connect(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    // A full send buffer loses the datagram rather than time.
    socket.set_nonblocking(true)?;
    socket.connect(address)?;
    Ok(socket)
}

/// On the loopback, a port that nobody listens on is known at once, and the host's next address gets its try: a server
/// on `127.0.0.1` is reached by a name that means `::1` first. Of other hosts, nothing is known yet.
fn deliver(socket: &UdpSocket, datagram: &[u8]) -> io::Result<()> {
    socket.send(datagram)?;
    socket.take_error()?.map_or(Ok(()), Err)
}

/// The addresses of the target's host. Only a name other than `localhost` asks the resolver, which can hang for many
/// seconds: it is left behind after [`TIMEOUT`].
fn addresses(target: &Target) -> Result<Vec<SocketAddr>, SendError> {
    let (host, port) = (target.host(), target.port());
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    let unresolved = |reason: String| SendError::Unresolved { host: host.to_owned(), reason };
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    thread::Builder::new()
        .spawn(move || {
            // Nobody receives once the time is over.
            let _ = sender.send((name.as_str(), port).to_socket_addrs().map(Vec::from_iter));
        })
        .map_err(|error| unresolved(error.to_string()))?;
    match receiver.recv_timeout(TIMEOUT) {
        Ok(resolved) => resolved.map_err(|error| unresolved(error.to_string())),
        Err(RecvTimeoutError::Timeout) => Err(unresolved(format!("no answer within {} s", TIMEOUT.as_secs()))),
        Err(RecvTimeoutError::Disconnected) => Err(unresolved("the resolver failed".to_owned())),
    }
}
