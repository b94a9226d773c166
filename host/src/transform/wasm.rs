//! Functions in Wasm: components for the worlds of `plugins/wit`. With its submodules the only place that names wasmtime.
//!
//! One instance serves one thread, for one call. One with a memory is thrown away once it trapped, and after [`CALLS`]
//! calls.

mod convert;
mod engine;
mod host;
mod receive;

use std::sync::Arc;
use std::time::Duration;

use upto_wire::Report;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Store, UpdateDeadline};

use super::compile::{CompileError, Surroundings};
use super::cpu::{self, CallBudget};
use super::log::Log;
use super::tables::Tables;
use super::{EntryPoints, Failure, FailureCause, Function, Outcome, Program, Rejection, Request, Secrets, budget};
use bindings::upto::transform::types;
use engine::{Compiler, Engine};
use host::State;

/// Bindings to the world `function` of the contract.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../plugins/wit",
        world: "function",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: { default: trappable },
    });
}

/// Calls that one instance with a memory serves before it is made anew.
const CALLS: u32 = 10_000;
/// Bytes that one call may move from the guest into the host: a full batch of large reports, not more.
const TRANSFER: usize = 8 << 20;
/// What a function may import.
const IMPORTS: [&str; 7] =
    ["upto:transform/", "wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// A component, compiled and with its imports resolved.
#[derive(Clone)]
pub struct WasmProgram(Arc<Compiled>);

struct Compiled {
    name: String,
    /// Those that it exports.
    function: Option<bindings::FunctionPre<State>>,
    receiver: Option<InstancePre<State>>,
    tables: Arc<Tables>,
    secrets: Arc<Secrets>,
    log: Arc<Log>,
    engine: Arc<Engine>,
    /// Calls that one instance serves.
    calls: u32,
}

impl Compiled {
    fn transform(&self) -> Result<&bindings::FunctionPre<State>, Failure> {
        self.function.as_ref().ok_or_else(|| missing("transform"))
    }
}

fn missing(function: &str) -> Failure {
    Failure::new(FailureCause::Error, format!("it exports no function {function:?}"))
}

impl WasmProgram {
    /// Compiles a component from its binary form.
    ///
    /// # Errors
    /// A [`CompileError`] where it is no component for upto's world or imports what upto does not give.
    pub fn compile(name: &str, bytes: &[u8], surroundings: Surroundings) -> Result<Self, CompileError> {
        let refuse = |reason: String| CompileError(format!("{name}.wasm: {reason}"));
        if bytes.get(..4) != Some(b"\0asm") {
            return Err(refuse("it is no WebAssembly".into()));
        }
        if bytes.get(4..8) == Some(&[1, 0, 0, 0]) {
            return Err(refuse(
                "it is a core module; a function is a component (docs/functions.md says how to make one)".into(),
            ));
        }
        let compiler = Compiler::of(bytes, surroundings.large_components).map_err(refuse)?;
        let engine = Engine::shared(compiler).map_err(|error| refuse(format!("{error:#}")))?;
        let component =
            Component::from_binary(engine.wasmtime(), bytes).map_err(|error| refuse(format!("{error:#}")))?;
        refuse_foreign_imports(&component).map_err(refuse)?;
        let (function, receiver) = link(&engine, &component).map_err(|error| refuse(format!("{error:#}")))?;
        if function.is_none() && receiver.is_none() {
            return Err(refuse("it exports neither a function \"transform\" nor \"receive\"".into()));
        }
        let (name, Surroundings { tables, secrets, log, memory, .. }) = (name.to_owned(), surroundings);
        let calls = if memory { CALLS } else { 1 };
        Ok(WasmProgram(Arc::new(Compiled { name, function, receiver, tables, secrets, log, engine, calls })))
    }
}

fn refuse_foreign_imports(component: &Component) -> Result<(), String> {
    let kind = component.component_type();
    for (import, _) in kind.imports(component.engine()) {
        if !IMPORTS.iter().any(|allowed| import.starts_with(allowed)) {
            return Err(format!("it imports {import:?}; a function may import only upto:transform and WASI 0.2"));
        }
    }
    Ok(())
}

/// Both entry points, as far as the component exports them.
type Linked = (Option<bindings::FunctionPre<State>>, Option<InstancePre<State>>);

fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Linked> {
    let mut linker = Linker::new(engine.wasmtime());
    host::add_to_linker(&mut linker)?;
    let linked = linker.instantiate_pre(component)?;
    let exports = |name: &str| component.get_export_index(None, name).is_some();
    let function = exports("transform").then(|| bindings::FunctionPre::new(linked.clone())).transpose()?;
    Ok((function, exports(receive::EXPORT).then_some(linked)))
}

impl Program for WasmProgram {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn entry_points(&self) -> EntryPoints {
        EntryPoints { transform: self.0.function.is_some(), receive: self.0.receiver.is_some() }
    }

    fn instantiate(&self) -> Result<Box<dyn Function>, Failure> {
        let (instance, receiver) = match &self.0.function {
            Some(function) => (Some(Instance::new(&self.0, function)?), None),
            None => (None, Some(receive::Instance::new(&self.0)?)),
        };
        Ok(Box::new(WasmFunction { program: self.0.clone(), instance, receiver }))
    }
}

/// A store with the component in it.
struct Instance {
    store: Store<State>,
    function: bindings::Function,
    calls: u32,
}

impl Instance {
    fn new(program: &Compiled, function: &bindings::FunctionPre<State>) -> Result<Instance, Failure> {
        let mut store = store(program);
        match function.instantiate(&mut store) {
            Ok(function) => Ok(Instance { store, function, calls: 0 }),
            Err(error) => Err(failure(&error, store.data_mut())),
        }
    }

    /// Adds an outcome for each report. After a failure it has added none.
    fn call(&mut self, reports: &[Report<'_>], time: Duration, outcomes: &mut Vec<Outcome>) -> Result<(), Failure> {
        self.calls += 1;
        self.store.data_mut().tables.refresh();
        allow(&mut self.store, time);
        let call = |batch: types::Batch<'_>| self.function.call_transform(&mut self.store, batch);
        let made = match convert::Batch::of(reports).lend(call) {
            Ok(made) => made,
            Err(error) => return Err(failure(&error, self.store.data_mut())),
        };
        if made.len() != reports.len() {
            let message = format!("it returned {} outcomes for {} reports", made.len(), reports.len());
            return Err(Failure::new(FailureCause::Output, message));
        }
        outcomes.extend(made.into_iter().zip(reports).map(|(outcome, report)| convert::outcome(outcome, report)));
        Ok(())
    }
}

/// A store for an instance, with the time that its start functions have.
fn store(program: &Compiled) -> Store<State> {
    let state = State::new(&program.tables, &program.secrets, &program.log);
    let mut store = Store::new(program.engine.wasmtime(), state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(TRANSFER);
    store.epoch_deadline_callback(|guest| match guest.data().time_left() {
        Duration::ZERO => Err(wasmtime::Trap::Interrupt.into()),
        left => Ok(UpdateDeadline::Continue(ticks(left))),
    });
    allow(&mut store, budget::CALL_TIME);
    store
}

/// Its two entry points have an instance each, made when it is needed.
struct WasmFunction {
    program: Arc<Compiled>,
    instance: Option<Instance>,
    receiver: Option<receive::Instance>,
}

impl WasmFunction {
    /// Calls the guest; after a failure its instance is gone.
    fn call(&mut self, reports: &[Report<'_>], time: Duration, outcomes: &mut Vec<Outcome>) -> Result<(), Failure> {
        self.instance.take_if(|instance| instance.calls >= self.program.calls);
        let instance = match &mut self.instance {
            Some(instance) => instance,
            slot => slot.insert(Instance::new(&self.program, self.program.transform()?)?),
        };
        let result = instance.call(reports, time, outcomes);
        if result.is_err() {
            self.instance = None;
        }
        result
    }
}

impl Function for WasmFunction {
    /// A batch has one half of the time. Where the guest fails on it as a whole, the reports are given one by one in
    /// the other half, so that the guilty one fails alone.
    fn transform(&mut self, reports: &[Report<'_>], outcomes: &mut Vec<Outcome>) {
        let call = CallBudget::start();
        let batch_time = (budget::REPORT_TIME * reports.len() as u32).min(budget::CALL_TIME / 2);
        match self.call(reports, batch_time, outcomes) {
            Ok(()) => return,
            Err(failure) if reports.len() == 1 => return outcomes.push(Outcome::Fail(failure)),
            Err(_) => {}
        }
        for report in reports {
            if !call.left(cpu::passed()) {
                outcomes.push(Outcome::Fail(call.exceeded()));
                continue;
            }
            if let Err(failure) = self.call(std::slice::from_ref(report), budget::REPORT_TIME, outcomes) {
                outcomes.push(Outcome::Fail(failure));
            }
        }
    }

    fn receive(&mut self, request: &Request<'_>) -> Result<Vec<Report<'static>>, Rejection> {
        self.receiver.take_if(|instance| instance.calls() >= self.program.calls);
        let instance = match &mut self.receiver {
            Some(instance) => instance,
            slot => slot.insert(receive::Instance::new(&self.program)?),
        };
        let made = instance.call(request);
        if matches!(made, Err(Rejection::Failed(_))) {
            self.receiver = None;
        }
        made
    }

    fn memory(&self) -> usize {
        let transform = self.instance.as_ref().map_or(0, |instance| instance.store.data().limiter.memory());
        transform + self.receiver.as_ref().map_or(0, receive::Instance::memory)
    }
}

/// Gives a guest processor time from now on.
fn allow(store: &mut Store<State>, time: Duration) {
    store.data_mut().runs_until = cpu::time() + time;
    store.set_epoch_deadline(ticks(time));
}

/// Ticks of the engine's clock until a time is over. The tick that runs is not counted.
fn ticks(time: Duration) -> u64 {
    (time.as_nanos() / engine::TICK.as_nanos()) as u64 + 1
}

/// Sorts an error and finds its words.
fn failure(error: &wasmtime::Error, state: &mut State) -> Failure {
    let (cause, mut message) = if let Some(wasmtime::Trap::Interrupt) = error.downcast_ref() {
        (FailureCause::Time, "it ran out of time".to_owned())
    } else if state.limiter.refused() {
        (FailureCause::Memory, format!("it needs more than {} MiB of memory", budget::MEMORY >> 20))
    } else {
        (FailureCause::Error, error.root_cause().to_string())
    };
    if let (FailureCause::Error, Some(last)) = (cause, state.last_words()) {
        message = format!("{message}; it last wrote: {last}");
    }
    Failure::new(cause, message)
}
