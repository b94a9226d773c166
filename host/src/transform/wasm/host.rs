//! What a guest may reach: its log, the lookup tables, what is made with secrets, and a WASI that leads nowhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::bindings::upto::transform::{host, types};
use crate::transform::log::{LINE_BYTES, Level, Log};
use crate::transform::tables::{Reader, Tables};
use crate::transform::{Secrets, budget, cpu};

/// Resources of WASI that a guest may hold: streams, mostly.
const RESOURCES: usize = 64;
/// Elements of all tables of functions.
pub(super) const TABLE_ELEMENTS: usize = 10_000;
/// A component has its own module, and adapters and shims of some more: Python has 38.
pub(super) const CORE_INSTANCES: usize = 64;
/// Tables of functions, in all modules of a component.
pub(super) const TABLES: usize = 16;
/// Memories, in all modules of a component.
pub(super) const MEMORIES: usize = 4;
/// Bytes that a guest may ask of `wasi:random` at a time.
const RANDOM: u64 = 4_096;

/// The host's side of one instance.
pub(super) struct State {
    pub(super) limiter: Limiter,
    /// The thread's processor time at which the guest is stopped.
    pub(super) runs_until: Duration,
    wasi: WasiCtx,
    resources: ResourceTable,
    pub(super) tables: Reader,
    secrets: Arc<Secrets>,
    log: Arc<Log>,
    errors: Lines,
}

impl State {
    pub(super) fn new(tables: &Arc<Tables>, secrets: &Arc<Secrets>, log: &Arc<Log>) -> Self {
        let errors = Lines::new(log, Level::Warn);
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(RESOURCES);
        // No files, network, environment or arguments. Clocks stand still and random numbers are always the same: what
        // a function makes of a report depends on the report and the tables alone, on every instance.
        let wasi = WasiCtxBuilder::new()
            .stdout(Lines::new(log, Level::Info))
            .stderr(errors.clone())
            .wall_clock(Stopped)
            .monotonic_clock(Stopped)
            .secure_random(Deterministic::new((0..=255).collect()))
            .insecure_random(Deterministic::new((0..=255).collect()))
            .insecure_random_seed(0)
            .max_random_size(RANDOM)
            .allow_tcp(false)
            .allow_udp(false)
            .build();
        State {
            limiter: Limiter::default(),
            runs_until: Duration::ZERO,
            wasi,
            resources,
            tables: Reader::new(tables.clone()),
            secrets: secrets.clone(),
            log: log.clone(),
            errors,
        }
    }

    /// Processor time that the guest may still take.
    pub(super) fn time_left(&self) -> Duration {
        self.runs_until.saturating_sub(cpu::time())
    }

    /// The last line on stderr: where a guest panics, it says why.
    pub(super) fn last_words(&mut self) -> Option<String> {
        self.errors.flush();
        let lines = self.errors.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(lines.last.clone()).filter(|last| !last.is_empty())
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.resources }
    }
}

impl types::Host for State {}

impl host::Host for State {
    fn log(&mut self, level: host::Level, text: String) -> wasmtime::Result<()> {
        let level = match level {
            host::Level::Debug => Level::Debug,
            host::Level::Info => Level::Info,
            host::Level::Warn => Level::Warn,
            host::Level::Error => Level::Error,
        };
        self.log.line(level, &text);
        Ok(())
    }

    fn lookup(&mut self, table: String, key: String) -> wasmtime::Result<Option<String>> {
        match self.tables.get(&table) {
            Ok(table) => Ok(table.get(&key).map(str::to_owned)),
            Err(problem) => Err(wasmtime::Error::msg(problem)),
        }
    }

    fn secret_hmac_sha256(&mut self, secret: String, data: Vec<u8>) -> wasmtime::Result<String> {
        self.secrets.hmac_sha256(&secret, &data).map_err(wasmtime::Error::msg)
    }

    fn secret_equals(&mut self, secret: String, text: String) -> wasmtime::Result<bool> {
        self.secrets.equals(&secret, text.as_bytes()).map_err(wasmtime::Error::msg)
    }
}

/// Gives a linker all that a guest may import.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    // A guest that waits would hold its thread, and no deadline reaches into a host's function.
    linker.allow_shadowing(true);
    let mut poll = linker.instance(POLL)?;
    for wait in ["poll", "[method]pollable.block"] {
        poll.func_new(wait, |_, _, _, _| Err(wasmtime::Error::msg("a function can't wait: its clocks stand still")))?;
    }
    linker.allow_shadowing(false);
    // It holds types only.
    linker.instance(super::receive::TYPES)?;
    super::bindings::Function::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

/// The name under which wasmtime-wasi gives `poll`. A test waits in a guest, and so notices when it changes.
const POLL: &str = "wasi:io/poll@0.2.12";

struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}

/// Refuses memory beyond the budget, over all memories of an instance, and remembers that it did.
#[derive(Default)]
pub(super) struct Limiter {
    memory: usize,
    elements: usize,
    refused: bool,
}

impl Limiter {
    /// Bytes that it has now, in all its memories.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    pub(super) fn refused(&self) -> bool {
        self.refused
    }
}

impl wasmtime::ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        let fits = total <= budget::MEMORY;
        match fits {
            true => self.memory = total,
            false => self.refused = true,
        }
        Ok(fits)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.elements.saturating_add(desired.saturating_sub(current));
        let fits = total <= TABLE_ELEMENTS;
        match fits {
            true => self.elements = total,
            false => self.refused = true,
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

/// stdout or stderr of a guest: each line becomes a line of the log.
#[derive(Clone)]
struct Lines(Arc<Mutex<LineBuffer>>);

struct LineBuffer {
    log: Arc<Log>,
    level: Level,
    partial: Vec<u8>,
    last: String,
}

impl Lines {
    fn new(log: &Arc<Log>, level: Level) -> Self {
        let buffer = LineBuffer { log: log.clone(), level, partial: Vec::new(), last: String::new() };
        Lines(Arc::new(Mutex::new(buffer)))
    }
}

impl LineBuffer {
    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' || self.partial.len() == LINE_BYTES {
                self.end_line();
            }
            if byte != b'\n' {
                self.partial.push(byte);
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.partial).trim().to_owned();
        self.partial.clear();
        if !line.is_empty() {
            self.log.line(self.level, &line);
            // The words of a panic come before a note on backtraces, which tells nobody anything here.
            if !line.starts_with("note:") {
                self.last = line;
            }
        }
    }
}

impl Lines {
    fn flush(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).end_line();
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this stream, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for Lines {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(4 * LINE_BYTES)
    }
}
