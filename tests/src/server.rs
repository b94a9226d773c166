//! A real server: the `upto` binary on free ports, with its data in a temporary folder.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything that a test waits for may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Datagrams on their way at the same time: what any receive buffer holds.
const BURST: usize = 64;

/// The folder of the binaries under test: that of the running test, or `UPTO_BIN_DIR`.
pub fn bin_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("UPTO_BIN_DIR") {
        return dir.into();
    }
    let mut dir = std::env::current_exe().expect("a running program has a path");
    while dir.file_name().is_some_and(|name| name != "debug" && name != "release") {
        dir.pop();
    }
    dir
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is in a folder of the repository").to_owned()
}

/// One of the binaries, in a clean environment.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(bin_dir().join(name));
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("UPTO_") || key == "DATABASE_URL" {
            command.env_remove(key);
        }
    }
    command
}

/// A running server. Dropping it kills it.
pub struct Server {
    process: Child,
    /// Where it takes datagrams.
    pub udp: SocketAddr,
    /// Where it serves HTTP.
    pub http: SocketAddr,
    /// Its working folder, where its SQLite file is unless another store was asked for.
    pub folder: TempDir,
    log: mpsc::Receiver<String>,
}

impl Server {
    /// Starts one on the embedded store.
    pub fn start() -> Self {
        Server::with(&[])
    }

    /// Starts one with further arguments.
    pub fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Server::in_folder(folder, arguments)
    }

    /// Starts one in a folder, which may hold what another left.
    pub fn in_folder(folder: TempDir, arguments: &[&str]) -> Self {
        Server::launch(folder, ["127.0.0.1:0", "127.0.0.1:0"], arguments)
    }

    fn launch(folder: TempDir, [udp, http]: [&str; 2], arguments: &[&str]) -> Self {
        let mut process = command("upto")
            .args(["serve", "--udp", udp, "--http", http])
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the upto binary is built");
        let log = lines(process.stderr.take().expect("stderr is piped"));
        let mut first = String::new();
        let mut stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        stdout.read_line(&mut first).expect("stdout can be read");
        let address = |after: &str| -> Option<SocketAddr> {
            let rest = &first[first.find(after)? + after.len()..];
            rest.split(['/', ',', ' ']).next()?.parse().ok()
        };
        let (Some(http), Some(udp)) = (address("http://"), address("datagrams at ")) else {
            let log: Vec<String> = log.iter().collect();
            panic!("the server did not start: {first:?} {log:?}");
        };
        Server { process, udp, http, folder, log }
    }

    /// An address under the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// The client, set up to report to this server by UDP.
    pub fn client(&self) -> Command {
        let mut client = command("upto-client");
        client.env("UPTO_URL", format!("udp://{}", self.udp));
        client
    }

    /// Sends datagrams.
    pub fn send(&self, datagrams: &[&[u8]]) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for datagram in datagrams {
            socket.send_to(datagram, self.udp).expect("loopback takes datagrams");
        }
    }

    /// Posts reports as JSON; any status is an answer.
    pub fn post(&self, body: &Value) -> Answer {
        self.post_as("/api/events", "application/json", body.to_string().as_bytes())
    }

    /// Posts a body.
    pub fn post_as(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let request = agent().post(self.url(path)).header("content-type", content_type);
        Answer::of(request.send(body).expect("the server answers"))
    }

    /// Puts a resource there.
    pub fn put_as(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let request = agent().put(self.url(path)).header("content-type", content_type);
        Answer::of(request.send(body).expect("the server answers"))
    }

    /// Posts JSON to a path.
    pub fn post_to(&self, path: &str, body: &Value) -> Answer {
        self.post_as(path, "application/json", body.to_string().as_bytes())
    }

    /// Deletes a resource.
    pub fn delete(&self, path: &str) -> Answer {
        Answer::of(agent().delete(self.url(path)).call().expect("the server answers"))
    }

    /// Gets a resource; any status is an answer.
    pub fn get(&self, path: &str) -> Answer {
        Answer::of(agent().get(self.url(path)).call().expect("the server answers"))
    }

    /// Gets a resource unless it is still the one with this tag.
    pub fn get_unless(&self, path: &str, tag: &str) -> Answer {
        Answer::of(agent().get(self.url(path)).header("if-none-match", tag).call().expect("the server answers"))
    }

    /// An event of a timeline, if it has it.
    pub fn event(&self, context: &str, timeline: &str, name: &str, host: &str) -> Option<Value> {
        let path = format!("{}/events/{}?host={}", timeline_path(context, timeline), encode(name), encode(host));
        let answer = self.get(&path);
        (answer.status == 200).then(|| answer.json())
    }

    /// A timeline, if there is it.
    pub fn timeline(&self, context: &str, timeline: &str) -> Option<Value> {
        let answer = self.get(&timeline_path(context, timeline));
        (answer.status == 200).then(|| answer.json())
    }

    /// Waits for an event.
    pub fn wait_for_event(&self, context: &str, timeline: &str, name: &str, host: &str) -> Value {
        self.wait_for(&format!("the event {name:?} of {context:?}"), |server| {
            server.event(context, timeline, name, host)
        })
    }

    /// Sends datagrams no faster than the server takes them, so that the kernel drops none.
    pub fn send_paced(&self, datagrams: &[Vec<u8>]) {
        self.send_paced_from(&UdpSocket::bind("127.0.0.1:0").expect("a free port"), datagrams);
    }

    /// The same from a socket of the caller, who alone may be sending.
    pub fn send_paced_from(&self, socket: &UdpSocket, datagrams: &[Vec<u8>]) {
        let mut taken = self.metric("upto_datagrams_total");
        for burst in datagrams.chunks(BURST) {
            for datagram in burst {
                socket.send_to(datagram, self.udp).expect("loopback takes datagrams");
            }
            taken += burst.len() as u64;
            self.wait_for("every datagram", |server| (server.metric("upto_datagrams_total") >= taken).then_some(()));
        }
    }

    /// Waits until nothing is in flight: each of the reports received so far, and at least `received`, is accounted for.
    pub fn wait_for_rest(&self, received: u64) -> Balance {
        self.wait_for("the end of all reports", |server| {
            let balance = Balance::of(server);
            (balance.received >= received && balance.is_even()).then_some(balance)
        })
    }

    /// A value of the metrics page: the sum of all lines that begin with `name`.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").text;
        let lines =
            text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// Waits until `check` says something.
    pub fn wait_for<T>(&self, what: &str, mut check: impl FnMut(&Self) -> Option<T>) -> T {
        wait_for(what, || check(self))
    }

    /// Waits for a line of the log that holds `text`.
    pub fn wait_for_log(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(_) => panic!("the log does not say {text:?}"),
            }
        }
    }

    /// The lines of the log that nobody has read yet.
    pub fn unread_log(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: kill has no memory effects; the child is not yet waited for, so the id is its own.
        unsafe { libc::kill(self.process.id() as i32, signal) };
    }

    /// Stops it as an operator would and waits for its end. Gives back its folder.
    pub fn stop(mut self) -> Result<(ExitStatus, TempDir)> {
        self.end(libc::SIGTERM)
    }

    /// Kills it in the middle of whatever it does. Gives back its folder.
    pub fn kill(mut self) -> Result<TempDir> {
        self.end(libc::SIGKILL).map(|(_, folder)| folder)
    }

    /// Waits for the end of one that was told to stop. Gives back its folder.
    pub fn ended(mut self) -> Result<(ExitStatus, TempDir)> {
        self.wait()
    }

    /// Stops it as an operator would, and starts it again in its folder and on its ports.
    ///
    /// # Errors
    /// Where it does not stop well.
    pub fn restart(&mut self, arguments: &[&str]) -> Result<()> {
        let (status, folder) = self.end(libc::SIGTERM)?;
        ensure!(status.success(), "the server stopped with {status}");
        let ports = [self.udp.to_string(), self.http.to_string()];
        *self = Server::launch(folder, ports.each_ref().map(String::as_str), arguments);
        Ok(())
    }

    fn end(&mut self, signal: i32) -> Result<(ExitStatus, TempDir)> {
        self.signal(signal);
        self.wait()
    }

    fn wait(&mut self) -> Result<(ExitStatus, TempDir)> {
        let status = wait(&mut self.process).context("the server did not stop")?;
        Ok((status, std::mem::replace(&mut self.folder, tempfile::tempdir()?)))
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the kernel says VmRSS");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // A test that fails shows what its server said.
        if std::thread::panicking() {
            for line in &self.log {
                let _ = writeln!(std::io::stderr(), "server: {line}");
            }
        }
    }
}

/// What became of the reports of a server, by its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Reports that came.
    pub received: u64,
    /// Reports of dead letters that were given another chance.
    pub replayed: u64,
    /// Reports that functions made beyond those given.
    pub made: u64,
    /// Reports in the store.
    pub stored: u64,
    /// Reports refused.
    pub refused: u64,
    /// Reports that functions dropped.
    pub dropped: u64,
    /// Reports that were kept as dead letters.
    pub dead: u64,
    /// Reports dropped because the queue was full.
    pub overflowed: u64,
    /// Reports that the store did not take.
    pub lost: u64,
}

impl Balance {
    /// As it is now.
    pub fn of(server: &Server) -> Self {
        Balance {
            received: server.metric("upto_reports_received_total"),
            replayed: server.metric("upto_reports_replayed_total"),
            made: server.metric("upto_reports_made_by_functions_total"),
            stored: server.metric("upto_reports_stored_total"),
            refused: server.metric("upto_reports_refused_total"),
            dropped: server.metric("upto_reports_dropped_by_functions_total"),
            dead: server.metric("upto_reports_dead_lettered_total"),
            overflowed: server.metric("upto_reports_dropped_by_queue_total"),
            lost: server.metric("upto_reports_lost_total"),
        }
    }

    /// Whether each report is accounted for.
    pub fn is_even(&self) -> bool {
        let gone = self.refused + self.dropped + self.dead + self.overflowed + self.lost;
        self.received + self.replayed + self.made == self.stored + gone
    }
}

/// The path of a timeline's resource.
pub fn timeline_path(context: &str, timeline: &str) -> String {
    format!("/api/contexts/{}/timelines/{}", encode(context), encode(timeline))
}

/// Percent-encodes a path segment or a query value.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte.is_ascii_alphanumeric() {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// What came of a program that ran to its end.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a program to its end; one that does not end is killed, and fails the test.
pub fn run(command: &mut Command) -> Ended {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the program is built");
    let stdout = text(process.stdout.take().expect("stdout is piped"));
    let stderr = text(process.stderr.take().expect("stderr is piped"));
    let status = wait(&mut process);
    let _ = process.kill();
    let (stdout, stderr) = (stdout.join().expect("no panic"), stderr.join().expect("no panic"));
    let status = status.unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}"));
    Ended { code: status.code(), stdout, stderr }
}

fn text(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("output is UTF-8");
        text
    })
}

/// Waits until `check` says something, at most [`PATIENCE`].
pub fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the end of a process, at most [`PATIENCE`].
pub fn wait(process: &mut Child) -> Result<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = process.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > deadline {
            bail!("still running after {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Lines of a pipe as they come; the pipe is always read, so that its writer never waits.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: ureq::http::HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The answer to a post of JSON reports, for a thread that has no [`Server`].
    ///
    /// # Errors
    /// Where no whole answer came.
    pub fn to_post(url: &str, body: &Value) -> Result<Self> {
        Answer::to_post_of(&agent(), url, body)
    }

    /// The same with a client that keeps its connections.
    ///
    /// # Errors
    /// As [`Answer::to_post`].
    pub fn to_post_of(agent: &ureq::Agent, url: &str, body: &Value) -> Result<Self> {
        let mut response = agent.post(url).header("content-type", "application/json").send(body.to_string())?;
        let text = response.body_mut().read_to_string()?;
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), text })
    }

    /// A response that came.
    pub fn of(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().expect("a body of text");
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// A header, empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }
}

/// An HTTP client for which every status is an answer.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into()
}
