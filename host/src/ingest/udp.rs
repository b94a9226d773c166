//! The datagram socket. One thread takes datagrams off the kernel, many at a time, and hands them on undecoded; nothing
//! is ever sent back.

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use upto_wire::limits;

use super::spool::Spool;
use super::{Datagrams, Job, Queue};
use crate::clock;
use crate::telemetry::Telemetry;

/// A chunk is handed on at this size at the latest, in bytes.
pub const CHUNK_BYTES: usize = 128 << 10;
/// A chunk is handed on with this many datagrams at the latest.
const CHUNK_DATAGRAMS: usize = 1_024;
/// Datagrams that one system call takes at the most.
const SLOTS: usize = 64;
/// The kernel's buffer that is asked for, in bytes; it gives less to a process without the privilege for more.
const RECEIVE_BUFFER: usize = 16 << 20;
/// While the lane is busy, how long datagrams gather in the kernel's buffer: to be woken for each costs more than to take it.
/// Even a buffer of 200 KiB, which the kernel gives to those without privilege, has room for what comes meanwhile.
const BUSY_WAIT: Duration = Duration::from_micros(200);
/// How often the wait is doubled while nothing comes.
const DOUBLINGS: u32 = 3;
/// How long the kernel's buffer is emptied once the server stops, against senders that never do.
const DRAIN: Duration = Duration::from_secs(1);
/// How often a silent socket looks whether it should stop.
const STOP_CHECK: Duration = Duration::from_millis(100);

/// Opens the socket with a large receive buffer.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    enlarge_buffer(&socket);
    socket.set_read_timeout(Some(STOP_CHECK))?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn enlarge_buffer(socket: &Socket) {
    let size = RECEIVE_BUFFER as libc::c_int;
    if !set_option(socket, libc::SO_RCVBUFFORCE, size) {
        set_option(socket, libc::SO_RCVBUF, size);
    }
}

fn set_option(socket: &Socket, option: libc::c_int, value: libc::c_int) -> bool {
    // SAFETY: the value is a live c_int of the length given, as these options of SOL_SOCKET take it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    result == 0
}

/// Receives until `stop` is set, then takes what the kernel still has and hands it on, to a function where one is named.
/// Chunks that neither the queue nor the spool, if there is one, has room for are dropped and counted, and so is what
/// the kernel dropped before.
pub fn receive(
    socket: &UdpSocket,
    function: Option<&Arc<str>>,
    (queue, spool): (&Queue, Option<&Spool>),
    telemetry: &Telemetry,
    stop: &AtomicBool,
) {
    let (slots, chunk) = (Slots::new(), Datagrams::default());
    let mut receiver = Receiver { socket, function, queue, spool, telemetry, slots, chunk, drops_seen: 0 };
    let mut waits = 0;
    while !stop.load(Ordering::Relaxed) {
        // With datagrams in hand, take only what is there already.
        let taken = receiver.take(receiver.chunk.is_empty());
        waits = if taken > 0 { 0 } else { waits + 1 };
        if receiver.is_full() || (queue.is_idle() && !receiver.is_spooling()) {
            receiver.hand_on();
        } else if taken == 0 && !receiver.chunk.is_empty() {
            // The lane is busy: few large chunks are cheaper for it than many small ones, and fill the queue later.
            std::thread::sleep(BUSY_WAIT * 2_u32.pow(DOUBLINGS.min(waits - 1)));
        }
    }
    let deadline = Instant::now() + DRAIN;
    while receiver.take(false) > 0 && Instant::now() < deadline {
        if receiver.is_full() {
            receiver.hand_on();
        }
    }
    receiver.hand_on();
    receiver.count_kernel_drops();
}

struct Receiver<'a> {
    socket: &'a UdpSocket,
    function: Option<&'a Arc<str>>,
    queue: &'a Queue,
    spool: Option<&'a Spool>,
    telemetry: &'a Telemetry,
    slots: Slots,
    chunk: Datagrams,
    /// The kernel's count of drops when it was last read; it wraps.
    drops_seen: u32,
}

impl Receiver<'_> {
    /// Takes datagrams into the chunk; how many.
    fn take(&mut self, wait: bool) -> usize {
        let taken = match self.slots.receive(self.socket, wait) {
            Ok(count) => count,
            Err(error) if is_idle(&error) => 0,
            Err(error) => {
                tracing::warn!(%error, "receiving datagrams failed");
                std::thread::sleep(STOP_CHECK);
                0
            }
        };
        if taken == 0 {
            self.count_kernel_drops();
        } else {
            self.slots.drain_into(taken, &mut self.chunk);
            self.telemetry.datagrams.add(taken as u64);
        }
        taken
    }

    fn is_full(&self) -> bool {
        self.chunk.len() + SLOTS > CHUNK_DATAGRAMS || self.chunk.bytes.len() >= CHUNK_BYTES
    }

    /// Whether what comes now has to wait for what is on disk.
    fn is_spooling(&self) -> bool {
        self.spool.is_some_and(Spool::is_waiting)
    }

    fn hand_on(&mut self) {
        if self.chunk.is_empty() {
            return;
        }
        // The next chunk is much like this one.
        let next = self.chunk.with_same_room();
        let chunk = std::mem::replace(&mut self.chunk, next);
        let left = if self.is_spooling() { Some(chunk) } else { self.send(chunk) };
        let Some(chunk) = left else { return };
        let function = self.function.map(|function| &**function);
        if !self.spool.is_some_and(|spool| spool.push(function, &chunk, self.telemetry)) {
            self.telemetry.received.add(chunk.len() as u64);
            self.telemetry.queue_drops.add(chunk.len() as u64);
        }
    }

    /// Puts a chunk into the queue; gives it back where that is full.
    fn send(&self, chunk: Datagrams) -> Option<Datagrams> {
        let job = match self.function {
            Some(function) => Job::Foreign(function.clone(), chunk),
            None => Job::Datagrams(chunk),
        };
        match self.queue.try_send(job) {
            Err(Job::Datagrams(chunk) | Job::Foreign(_, chunk)) => Some(chunk),
            _ => None,
        }
    }

    fn count_kernel_drops(&mut self) {
        if let Some(drops) = kernel_drops(self.socket) {
            self.telemetry.kernel_drops.add(u64::from(drops.wrapping_sub(self.drops_seen)));
            self.drops_seen = drops;
        }
    }
}

/// How many datagrams the kernel has dropped since the socket was opened; it wraps. `SO_RXQ_OVFL` tells the same, but
/// only beside the next datagram.
fn kernel_drops(socket: &UdpSocket) -> Option<u32> {
    /// `SK_MEMINFO_DROPS` and `SK_MEMINFO_VARS` of linux/sock_diag.h.
    const DROPS: usize = 8;
    const VARS: usize = 9;
    let mut info = [0u32; VARS];
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which `info` has.
    let result = unsafe {
        let info = info.as_mut_ptr().cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, info, &raw mut length)
    };
    (result == 0 && length as usize > DROPS * size_of::<u32>()).then_some(info[DROPS])
}

fn is_idle(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// Room for what one system call may receive. Pages that no datagram reached take no memory.
struct Slots {
    buffers: Vec<u8>,
    addresses: Vec<MaybeUninit<libc::sockaddr_storage>>,
    iovecs: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

/// One byte more than the largest datagram, so that each fits whole.
const SLOT_BYTES: usize = limits::DATAGRAM + 1;

impl Slots {
    fn new() -> Self {
        let mut slots = Slots {
            buffers: vec![0; SLOTS * SLOT_BYTES],
            addresses: vec![MaybeUninit::uninit(); SLOTS],
            iovecs: Vec::with_capacity(SLOTS),
            // SAFETY: a header of zeros is valid: no address, no vectors, no control data.
            headers: vec![unsafe { zeroed() }; SLOTS],
        };
        for buffer in slots.buffers.chunks_exact_mut(SLOT_BYTES) {
            slots.iovecs.push(libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: SLOT_BYTES });
        }
        slots
    }

    /// Receives at least one datagram, or only what is there where `wait` is false.
    fn receive(&mut self, socket: &UdpSocket, wait: bool) -> io::Result<usize> {
        for (slot, header) in self.headers.iter_mut().enumerate() {
            header.msg_hdr.msg_name = self.addresses[slot].as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = &raw mut self.iovecs[slot];
            header.msg_hdr.msg_iovlen = 1;
        }
        let flags = if wait { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        // SAFETY: every header points at an address and a vector of its slot, both alive in `self` and of the lengths given; the vectors point into `buffers`, which is never resized.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                SLOTS as libc::c_uint,
                flags,
                std::ptr::null_mut(),
            )
        };
        if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
    }

    /// Copies the first `taken` slots into the chunk.
    fn drain_into(&mut self, taken: usize, chunk: &mut Datagrams) {
        let received = clock::now();
        for slot in 0..taken {
            let length = self.headers[slot].msg_len as usize;
            let start = slot * SLOT_BYTES;
            chunk.push(&self.buffers[start..start + length], self.source(slot), received);
        }
    }

    fn source(&self, slot: usize) -> IpAddr {
        let address = self.addresses[slot].as_ptr();
        // SAFETY: the kernel filled in an address of the socket's family, and `sockaddr_storage` is large enough and
        // aligned for each family.
        unsafe {
            match i32::from((*address).ss_family) {
                libc::AF_INET => {
                    let v4 = &*address.cast::<libc::sockaddr_in>();
                    Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)).into()
                }
                libc::AF_INET6 => {
                    let v6 = &*address.cast::<libc::sockaddr_in6>();
                    IpAddr::from(Ipv6Addr::from(v6.sin6_addr.s6_addr)).to_canonical()
                }
                _ => Ipv4Addr::UNSPECIFIED.into(),
            }
        }
    }
}
