//! A proxy before Postgres that breaks connections at the worst moments: around `COMMIT`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

use crate::load::Random;

/// The code of a startup message of protocol 3.0; any other code (TLS, cancellation) is another message without a type.
const PROTOCOL_3: u32 = 196_608;
/// Cuts in a row before a commit goes through, so that upto's pauses between tries stay short.
const MOST_IN_A_ROW: usize = 3;

/// As a query, and as the tag of what was done.
const COMMIT: &[u8] = b"COMMIT\0";
const ROLLBACK: &[u8] = b"ROLLBACK\0";

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    /// The server never hears of it. The client hears that all before it went well.
    CutBefore,
    /// The server has done it, and the client never hears of that.
    CutAfter,
}

/// A proxy that decides on each commit by a seed.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    fates: Mutex<(Random, usize)>,
    cutting: AtomicBool,
    before: AtomicUsize,
    after: AtomicUsize,
}

impl Proxy {
    /// Starts one before the server of a database's URL. It passes everything on until it is told to cut.
    ///
    /// # Errors
    /// Where the URL has no address, or no port is free.
    pub fn before(url: &str, seed: u64) -> Result<Self> {
        let config: postgres::Config = url.parse()?;
        let port = *config.get_ports().first().context("the URL has a port")?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let shared = Arc::new(Shared {
            server: ([127, 0, 0, 1], port).into(),
            fates: Mutex::new((Random::of(seed), 0)),
            cutting: AtomicBool::new(false),
            before: AtomicUsize::new(0),
            after: AtomicUsize::new(0),
        });
        let proxy = Proxy { address: listener.local_addr()?, shared: shared.clone() };
        // It ends with the process of the test.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is away refuses, and so does the proxy: the client's connection is dropped.
                let _ = shared.clone().carry(client);
            }
        });
        Ok(proxy)
    }

    /// The URL of a database of its server, through it and without TLS.
    ///
    /// # Errors
    /// Where the URL is none of a database over TCP.
    pub fn url(&self, url: &str) -> Result<String> {
        let (user, rest) = url.rsplit_once('@').context("the URL names a user")?;
        let (_, database) = rest.split_once('/').context("the URL names a database")?;
        ensure!(!database.contains('?'), "the URL has parameters");
        Ok(format!("{user}@{}/{database}?sslmode=disable", self.address))
    }

    /// Begins to cut, or no longer does.
    pub fn cut(&self, cutting: bool) {
        self.shared.cutting.store(cutting, Ordering::SeqCst);
    }

    /// How many connections were cut before a commit, and how many after one.
    pub fn cuts(&self) -> (usize, usize) {
        (self.shared.before.load(Ordering::SeqCst), self.shared.after.load(Ordering::SeqCst))
    }
}

impl Shared {
    fn fate(&self) -> Fate {
        let (random, in_a_row) = &mut *self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = match random.below(4) {
            _ if !self.cutting.load(Ordering::SeqCst) || *in_a_row >= MOST_IN_A_ROW => Fate::Done,
            0 => Fate::CutBefore,
            1 | 2 => Fate::CutAfter,
            _ => Fate::Done,
        };
        *in_a_row = if fate == Fate::Done { 0 } else { *in_a_row + 1 };
        fate
    }

    /// Carries one connection on two threads.
    fn carry(self: Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(self.server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let fate = Arc::new(Mutex::new(Fate::Done));
        let (shared, answers) = (self.clone(), (server.try_clone()?, client.try_clone()?, fate.clone()));
        std::thread::spawn(move || {
            let (server, client, fate) = answers;
            let _ = shared.carry_answers(server, client, &fate);
        });
        std::thread::spawn(move || {
            let _ = self.carry_requests(client, server, &fate);
        });
        Ok(())
    }

    /// `fate` is that of the commit that is under way.
    fn carry_requests(&self, mut client: TcpStream, mut server: TcpStream, fate: &Mutex<Fate>) -> io::Result<()> {
        let _cut = Cut::of(&client, &server)?;
        loop {
            let message = Message::read(&mut client, false)?;
            server.write_all(&message.bytes)?;
            if message.body().get(..4) == Some(&PROTOCOL_3.to_be_bytes()) {
                break;
            }
        }
        loop {
            let message = Message::read(&mut client, true)?;
            if !message.is(b'Q', COMMIT) {
                server.write_all(&message.bytes)?;
                continue;
            }
            let decided = self.fate();
            *fate.lock().unwrap_or_else(PoisonError::into_inner) = decided;
            match decided {
                // What a server does that finds the connection broken; it tells when it has answered all before.
                Fate::CutBefore => server.write_all(&Message::query(ROLLBACK).bytes)?,
                Fate::Done | Fate::CutAfter => server.write_all(&message.bytes)?,
            }
        }
    }

    fn carry_answers(&self, mut server: TcpStream, mut client: TcpStream, fate: &Mutex<Fate>) -> io::Result<()> {
        let _cut = Cut::of(&client, &server)?;
        loop {
            let message = Message::read(&mut server, true)?;
            let fate = *fate.lock().unwrap_or_else(PoisonError::into_inner);
            // A commit of what had failed is answered with a rollback, too, which is passed on.
            let cuts = match fate {
                Fate::CutBefore if message.is(b'C', ROLLBACK) => Some(&self.before),
                Fate::CutAfter if message.is(b'C', COMMIT) => Some(&self.after),
                _ => None,
            };
            if let Some(cuts) = cuts {
                cuts.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
            client.write_all(&message.bytes)?;
        }
    }
}

/// Closes both sides of a connection when it is dropped: an end of one is an end of both.
struct Cut(TcpStream, TcpStream);

impl Cut {
    fn of(client: &TcpStream, server: &TcpStream) -> io::Result<Self> {
        Ok(Cut(client.try_clone()?, server.try_clone()?))
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.0.shutdown(Shutdown::Both);
        let _ = self.1.shutdown(Shutdown::Both);
    }
}

/// A message of Postgres' protocol: a type, except at the start of a connection, and a length that counts itself.
struct Message {
    bytes: Vec<u8>,
    body: usize,
}

impl Message {
    fn read(from: &mut TcpStream, typed: bool) -> io::Result<Self> {
        let body = if typed { 5 } else { 4 };
        let mut bytes = vec![0; body];
        from.read_exact(&mut bytes)?;
        let length = u32::from_be_bytes([bytes[body - 4], bytes[body - 3], bytes[body - 2], bytes[body - 1]]) as usize;
        bytes.resize((length + body - 4).max(body), 0);
        from.read_exact(&mut bytes[body..])?;
        Ok(Message { bytes, body })
    }

    fn query(text: &[u8]) -> Self {
        let length = (text.len() + 4) as u32;
        Message { bytes: [b"Q", length.to_be_bytes().as_slice(), text].concat(), body: 5 }
    }

    fn body(&self) -> &[u8] {
        &self.bytes[self.body..]
    }

    fn is(&self, kind: u8, body: &[u8]) -> bool {
        self.bytes[0] == kind && self.body() == body
    }
}
