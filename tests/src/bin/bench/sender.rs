//! Sends datagrams at a steady rate, many with one system call.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// Datagrams that one system call sends at the most.
const SLOTS: usize = 32;

/// Sends all datagrams, evenly spread at `per_second`. Returns how long it took.
pub fn send(datagrams: &[Vec<u8>], to: SocketAddr, per_second: u32) -> Result<Duration> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(to)?;
    let begun = Instant::now();
    let mut sent = 0;
    while sent < datagrams.len() {
        let due = (begun.elapsed().as_secs_f64() * f64::from(per_second)) as usize;
        let count = due.min(datagrams.len()).saturating_sub(sent).min(SLOTS);
        if count == 0 {
            std::thread::sleep(Duration::from_micros(200));
            continue;
        }
        sent += send_some(&socket, &datagrams[sent..sent + count])?;
    }
    Ok(begun.elapsed())
}

fn send_some(socket: &UdpSocket, datagrams: &[Vec<u8>]) -> Result<usize> {
    let mut vectors: Vec<libc::iovec> = datagrams
        .iter()
        .map(|datagram| libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() })
        .collect();
    let mut headers: Vec<libc::mmsghdr> = vectors
        .iter_mut()
        .map(|vector| {
            // SAFETY: a header of zeros is valid: no address (the socket is connected), no control data.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header
        })
        .collect();
    // SAFETY: each header points at one vector, each vector at a datagram; all outlive the call, which only reads them.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), headers.len() as libc::c_uint, 0) };
    ensure!(sent > 0, "sendmmsg: {}", std::io::Error::last_os_error());
    Ok(sent as usize)
}
