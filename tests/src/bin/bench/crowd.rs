//! Clients that take up connections and ask for nothing: silent ones, and those that trickle.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, ensure};

/// How often those that trickle send a byte, and those that were closed come back.
const ROUND: Duration = Duration::from_secs(1);
/// How many of them do so at the same moment. They know nothing of each other.
const AT_ONCE: usize = 20;

/// A crowd that stays as long as this is there.
pub struct Crowd {
    stay: Sender<()>,
    members: JoinHandle<Result<usize>>,
}

impl Crowd {
    /// So many connections, half of which trickle.
    ///
    /// # Errors
    /// Where this process may not have so many files open.
    pub fn gather(server: SocketAddr, count: usize) -> Result<Self> {
        let files = rlimit::increase_nofile_limit(u64::MAX)?;
        ensure!(files > count as u64 + 500, "{files} files may be open, which is too few");
        let (stay, told) = channel();
        let members = std::thread::spawn(move || keep(server, count, &told));
        Ok(Crowd { stay, members })
    }

    /// How many connections were opened in all, as others made room for them.
    pub fn leave(self) -> Result<usize> {
        drop(self.stay);
        self.members.join().map_err(|_| anyhow::anyhow!("the crowd panicked"))?
    }
}

fn keep(server: SocketAddr, count: usize, told: &Receiver<()>) -> Result<usize> {
    let pause = ROUND * AT_ONCE as u32 / count as u32;
    let mut members = (0..count).map(|number| come(server, number)).collect::<Result<Vec<_>>>()?;
    let mut came = count;
    for number in (0..count).cycle() {
        if !is_open(number, &members[number]) {
            members[number] = come(server, number)?;
            came += 1;
        }
        if number.is_multiple_of(AT_ONCE) && told.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            break;
        }
    }
    Ok(came)
}

fn come(server: SocketAddr, number: usize) -> Result<TcpStream> {
    let stream = TcpStream::connect(server)?;
    stream.set_nonblocking(true)?;
    if !number.is_multiple_of(2) {
        let _ = (&stream).write_all(b"POST /api/events HTTP/1.1\r\nhost: localhost\r\nx-slow: ");
    }
    Ok(stream)
}

/// Sends a byte where it trickles. Whether the server still listens.
fn is_open(number: usize, mut stream: &TcpStream) -> bool {
    let waits = |error: std::io::Error| error.kind() == ErrorKind::WouldBlock;
    (number.is_multiple_of(2) || stream.write(b"z").is_ok()) && stream.read(&mut [0]).err().is_some_and(waits)
}
