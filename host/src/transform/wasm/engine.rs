//! The engines of the process, one for each compiler, and the clock that interrupts the guests of each. They exist while a
//! component is loaded that needs them.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy, WasmBacktraceDetails, WasmFeatures,
};

use super::host::{CORE_INSTANCES, MEMORIES, TABLE_ELEMENTS, TABLES};
use crate::transform::budget;

/// How often guests are looked at. A guest runs over its time by at most one tick.
pub(super) const TICK: Duration = Duration::from_millis(1);
/// Stack of a guest, in bytes.
const STACK: usize = 256 << 10;
/// Instances that may live at a time. Each of their memories reserves some 4 GiB of addresses, and no memory.
const POOL: u32 = 256;
/// Bytes of an instance's memory that stay with its place in the pool, zeroed: what most guests touch.
const KEEP_RESIDENT: usize = 256 << 10;
/// The same where the kernel tells which pages were touched, and only those are zeroed: what a batch takes.
const KEEP_TOUCHED: usize = 1 << 20;

/// What makes machine code of components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compiler {
    /// Cranelift.
    Optimising,
    /// Winch, which goes over the code once: for components that hold all of an interpreter, which take Cranelift over ten
    /// seconds. What it makes is some three times slower.
    Baseline,
}

impl Compiler {
    /// The compiler for a component.
    ///
    /// # Errors
    /// A sentence where none is to be had for it.
    pub(super) fn of(component: &[u8], large_components: bool) -> Result<Compiler, String> {
        let limit = budget::COMPONENT >> 20;
        match component.len() > budget::COMPONENT {
            false => Ok(Compiler::Optimising),
            true if !large_components => Err(format!("a component of more than {limit} MiB needs --large-components")),
            // Elsewhere it is not fuzzed, says https://docs.wasmtime.dev/stability-tiers.html.
            true if cfg!(not(target_arch = "x86_64")) => {
                Err(format!("a component of more than {limit} MiB runs on x86-64 only"))
            }
            true => Ok(Compiler::Baseline),
        }
    }

    fn shared(self) -> &'static Mutex<Weak<Engine>> {
        static OPTIMISING: Mutex<Weak<Engine>> = Mutex::new(Weak::new());
        static BASELINE: Mutex<Weak<Engine>> = Mutex::new(Weak::new());
        match self {
            Compiler::Optimising => &OPTIMISING,
            Compiler::Baseline => &BASELINE,
        }
    }
}

/// An engine with its ticker, which ends with it.
pub(super) struct Engine {
    wasmtime: wasmtime::Engine,
    stopped: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl Engine {
    /// The engine that all components of a compiler share, made for the first of them: a host without components has none.
    pub(super) fn shared(compiler: Compiler) -> wasmtime::Result<Arc<Engine>> {
        let mut shared = compiler.shared().lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = shared.upgrade() {
            return Ok(engine);
        }
        let engine = Arc::new(Engine::new(compiler)?);
        *shared = Arc::downgrade(&engine);
        Ok(engine)
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    fn new(compiler: Compiler) -> wasmtime::Result<Engine> {
        // A system that limits addresses (`ulimit -v`, some containers) refuses the pool. Instances then start slower.
        let wasmtime = wasmtime::Engine::new(&pooled(compiler)).or_else(|error| {
            tracing::info!(%error, "no address space for a pool of Wasm instances; each reserves its own");
            wasmtime::Engine::new(&on_demand(compiler))
        })?;
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

/// What guests may use is what Rust, C, JavaScript and Python compile to. Results are the same on all machines, hence
/// canonical NaNs. Guard pages and the mitigations of Spectre stay at their defaults, which are on.
fn config(compiler: Compiler) -> Config {
    let mut config = Config::new();
    config
        .strategy(match compiler {
            Compiler::Optimising => Strategy::Cranelift,
            Compiler::Baseline => Strategy::Winch,
        })
        .cranelift_nan_canonicalization(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .concurrency_support(false)
        .wasm_memory64(false)
        // What joins the parts of a component has a memory of each; the budget counts them together.
        .wasm_multi_memory(true)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .wasm_features(WasmFeatures::FUNCTION_REFERENCES, false)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// Instances take a place in a pool that was reserved once, so that one starts within microseconds.
fn pooled(compiler: Compiler) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOL)
        .total_core_instances(POOL * CORE_INSTANCES as u32)
        .max_core_instances_per_component(CORE_INSTANCES as u32)
        .total_memories(POOL * MEMORIES as u32)
        .max_memories_per_component(MEMORIES as u32)
        .linear_memory_keep_resident(if PoolingAllocationConfig::is_pagemap_scan_available() {
            KEEP_TOUCHED
        } else {
            KEEP_RESIDENT
        })
        .pagemap_scan(Enabled::Auto)
        .total_tables(POOL * 4)
        .max_tables_per_component(TABLES as u32)
        .table_elements(TABLE_ELEMENTS)
        .table_keep_resident(KEEP_RESIDENT)
        // Guests run on the stack of their thread.
        .total_stacks(0);
    let mut config = config(compiler);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// Memory is mapped when an instance starts, and no more than it may have.
fn on_demand(compiler: Compiler) -> Config {
    let mut config = config(compiler);
    config.memory_reservation(budget::MEMORY as u64).memory_reservation_for_growth(0);
    config
}
