//! Servers that a test listens on, and the command that it runs.

#![allow(dead_code)] // Each test file uses its own part of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use upto_wire::{Report, msgpack};

/// Longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A UDP server on a free port.
pub struct Udp(UdpSocket);

impl Udp {
    /// On 127.0.0.1.
    pub fn new() -> Self {
        Udp::on("127.0.0.1:0").expect("a free port")
    }

    /// On an address.
    pub fn on(address: &str) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Udp(socket))
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub fn url(&self) -> String {
        format!("udp://{}", self.0.local_addr().unwrap())
    }

    /// The next datagram.
    pub fn datagram(&self) -> Vec<u8> {
        let mut buffer = vec![0; 65_536];
        let length = self.0.recv(&mut buffer).expect("a datagram");
        buffer.truncate(length);
        buffer
    }

    /// The next report.
    pub fn report(&self) -> Report<'static> {
        decode(&self.datagram())
    }

    /// The next reports, by name and type, as they can overtake each other.
    pub fn reports(&self, count: usize) -> Vec<Report<'static>> {
        let mut reports: Vec<_> = (0..count).map(|_| self.report()).collect();
        reports.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
        reports
    }

    /// Whether nothing has come. What this machine sent to itself is there when `send` returns.
    pub fn is_quiet(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let received = self.0.recv(&mut [0; 1]);
        self.0.set_nonblocking(false).unwrap();
        received.is_err()
    }
}

/// The one report of a message.
pub fn decode(message: &[u8]) -> Report<'static> {
    let mut items = msgpack::reports(message);
    let report = items.next().unwrap().expect("a sound report").into_owned();
    assert_eq!(items.next(), None);
    report
}

/// A port that refuses datagrams while this is held: it is bound, but hears only one that never speaks.
pub struct DeadPort(UdpSocket);

impl DeadPort {
    pub fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect("127.0.0.1:1").unwrap();
        DeadPort(socket)
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// The bytes of an HTTP response that ends its connection.
pub fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// What an HTTP server was asked.
pub struct Request {
    /// Request line and headers, in lower case.
    pub head: String,
    pub body: Vec<u8>,
}

/// An HTTP server on a free port that gives each request the same answer: everything that it writes.
pub struct Http {
    pub port: u16,
    requests: Receiver<Request>,
}

impl Http {
    pub fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Http::serving(move |_, mut stream| drop(stream.write_all(answer.as_bytes())))
    }

    pub fn with_status(status: &str, body: &str) -> Self {
        Http::answering(&response(status, body))
    }

    pub fn serving(answer: impl Fn(&Request, TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = read_request(&stream);
                answer(&request, stream);
                if sender.send(request).is_err() {
                    break;
                }
            }
        });
        Http { port, requests }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn request(&self) -> Request {
        self.requests.recv_timeout(PATIENCE).expect("a request")
    }
}

fn read_request(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).expect("a head") > 0, "the head ended early: {head}");
    }
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).expect("a body");
    Request { head, body }
}

/// The command with an environment of its own.
pub fn upto_client(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upto-client"));
    for name in ["URL", "TOKEN", "CONTEXT", "TIMELINE", "PARENT", "FAIL"] {
        command.env_remove(format!("UPTO_{name}"));
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What came of a command.
#[derive(Debug, PartialEq)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    Ended {
        code: status.code().expect("an exit code"),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Success, and not a word.
pub fn quiet_success() -> Ended {
    Ended { code: 0, stdout: String::new(), stderr: String::new() }
}
