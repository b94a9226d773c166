//! The one engine of the process and the clock that interrupts its guests. Both exist while a component is loaded.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{Config, WasmBacktraceDetails};

/// How often guests are looked at. A guest runs over its time by at most one tick.
pub(super) const TICK: Duration = Duration::from_millis(1);
/// Stack of a guest, in bytes.
const STACK: usize = 256 << 10;

static SHARED: Mutex<Weak<Engine>> = Mutex::new(Weak::new());

/// An engine with its ticker, which ends with it.
pub(super) struct Engine {
    wasmtime: wasmtime::Engine,
    stopped: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl Engine {
    /// The engine that all components share, made for the first of them: a host without components has none.
    pub(super) fn shared() -> wasmtime::Result<Arc<Engine>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = shared.upgrade() {
            return Ok(engine);
        }
        let engine = Arc::new(Engine::new()?);
        *shared = Arc::downgrade(&engine);
        Ok(engine)
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    fn new() -> wasmtime::Result<Engine> {
        let wasmtime = wasmtime::Engine::new(&config())?;
        let stopped = Arc::new(AtomicBool::new(false));
        let (engine, stop) = (wasmtime.clone(), stopped.clone());
        let tick = move || {
            while !stop.load(Relaxed) {
                std::thread::sleep(TICK);
                engine.increment_epoch();
            }
        };
        let ticker = std::thread::Builder::new().name("upto-wasm-clock".into()).spawn(tick)?;
        Ok(Engine { wasmtime, stopped, ticker: Some(ticker) })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stopped.store(true, Relaxed);
        if let Some(ticker) = self.ticker.take() {
            // It panics nowhere, and there is nothing left to do if it did.
            let _ = ticker.join();
        }
    }
}

/// What guests may use is what Rust, C and JavaScript compile to. Results are the same on all machines, hence canonical
/// NaNs. Guard pages and the mitigations of Spectre stay at their defaults, which are on.
fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .concurrency_support(false)
        .wasm_memory64(false)
        // What joins the parts of a component has a memory of each; the budget counts them together.
        .wasm_multi_memory(true)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .cranelift_nan_canonicalization(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}
