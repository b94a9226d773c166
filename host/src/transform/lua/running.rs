//! What a state works on while it runs, and the native functions by which Luau reaches it.
//!
//! mlua's protected call is entered once for a batch: [`drive`] calls the script for one report after another. All
//! that is unsafe about calls stands here.

use std::ffi::CStr;
use std::os::raw::c_int;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use mlua::ffi::{self, lua_State};
use mlua::{Lua, Table, Value};
use upto_wire::Report;

use super::clock::Clock;
use super::output;
use super::report::{Field, Shown};
use super::seal;
use super::stack::{self, Slot, Stack};
use crate::transform::cpu::{self, CallBudget};
use crate::transform::tables::{Reader, Tables};
use crate::transform::{Failure, FailureCause, Outcome, budget};

/// Bytes of the name of a table that are looked at.
const NAME: usize = 100;

/// What a state works on. It belongs to the state's one thread, which finds it by its address.
struct Running {
    clock: Clock,
    shown: Shown,
    tables: Reader,
    /// The rest of a batch: its lifetime is erased, see [`Running::serve`].
    reports: NonNull<[Report<'static>]>,
    done: usize,
    outcomes: Vec<Outcome>,
    budget: CallBudget,
}

impl Running {
    fn new(tables: Arc<Tables>) -> Self {
        Running {
            clock: Clock::started(budget::CALL_TIME),
            shown: Shown::default(),
            tables: Reader::new(tables),
            reports: NonNull::from(&[]),
            done: 0,
            outcomes: Vec::new(),
            budget: CallBudget::start(),
        }
    }

    /// The next report of the batch, if there is time for it.
    fn begin(&mut self) -> bool {
        // SAFETY: `serve` set it from a reference that outlives the batch.
        let Some(report) = (unsafe { self.reports.as_ref() }).get(self.done) else { return false };
        let now = cpu::passed();
        let goes_on = self.budget.left(now);
        if goes_on {
            self.clock.restart(now, budget::REPORT_TIME);
            self.shown.show(report);
        }
        goes_on
    }

    /// Takes what the script returned, which is on top of the stack. Says whether another report may follow.
    fn end(&mut self, stack: &mut Stack) -> bool {
        let outcome = match self.clock.expired() {
            true => Outcome::Fail(self.clock.late()),
            false => output::outcome(stack, &mut self.shown),
        };
        self.push(outcome);
        !self.clock.expired()
    }

    fn push(&mut self, outcome: Outcome) {
        self.done += 1;
        self.outcomes.push(outcome);
    }
}

/// The one [`Running`] of a state, at an address that stays.
pub(super) struct Shared(NonNull<Running>);

// SAFETY: it belongs to its state, which one thread uses at a time; what it points at is `Send` but for the reports of
// the running batch, which `serve` clears before it returns.
unsafe impl Send for Shared {}

impl Shared {
    pub(super) fn new(tables: Arc<Tables>) -> Shared {
        Shared(NonNull::from(Box::leak(Box::new(Running::new(tables)))))
    }

    /// Makes a new state find it. The state must be closed before this is dropped.
    pub(super) fn attach(&self, lua: &Lua) -> mlua::Result<()> {
        // SAFETY: the state has run nothing yet but its libraries, and mlua uses neither the thread's data nor atoms.
        unsafe {
            lua.exec_raw((), |state| {
                ffi::lua_setthreaddata(state, self.0.as_ptr().cast());
                stack::set_atoms(state);
            })
        }
    }

    /// Allows a state this time from now on, and has it interrupted to see whether it keeps to it.
    pub(super) fn limit_time(&mut self, lua: &Lua, time: Duration) -> mlua::Result<()> {
        self.get().clock = Clock::started(time);
        // SAFETY: Luau lets an interrupt raise an error.
        unsafe { lua.exec_raw((), |state| (*ffi::lua_callbacks(state)).interrupt = Some(interrupt)) }
    }

    /// Begins a call that has this time from now on, and sees the tables as they are now.
    pub(super) fn begin(&mut self, time: Duration) {
        let running = self.get();
        running.clock.restart(cpu::passed(), time);
        running.tables.refresh();
    }

    /// Shows a report while `f` runs.
    #[cfg(test)]
    pub(super) fn show<R>(&mut self, report: &Report<'_>, f: impl FnOnce() -> R) -> R {
        self.get().shown.show(report);
        let result = f();
        self.get().shown = Shown::default();
        result
    }

    pub(super) fn clock(&self) -> &Clock {
        // SAFETY: as in `get`.
        unsafe { &self.0.as_ref().clock }
    }

    fn get(&mut self) -> &mut Running {
        // SAFETY: it is alive as long as `self`. No native function runs, as one does only within `call` of `serve`.
        unsafe { self.0.as_mut() }
    }

    /// Pushes an outcome for each report, for as long as there is time and the state is sound, and says whether it
    /// still is. `call` is to enter [`drive`], and to make a failure of an error that came out of it.
    pub(super) fn serve(
        &mut self,
        reports: &[Report<'_>],
        outcomes: &mut Vec<Outcome>,
        budget: CallBudget,
        call: impl Fn(&Shared) -> Result<(), Failure>,
    ) -> bool {
        let running = self.get();
        // Their lifetime is erased; the pointer is taken back below, before they can end.
        running.reports = NonNull::slice_from_raw_parts(NonNull::from(reports).cast(), reports.len());
        running.outcomes = std::mem::take(outcomes);
        running.budget = budget;
        running.done = 0;
        running.tables.refresh();
        let mut sound = true;
        while sound
            && self.get().done < reports.len()
            && let Err(failure) = call(self)
        {
            let running = self.get();
            sound = !matches!(failure.cause, FailureCause::Time | FailureCause::Memory);
            if running.done < reports.len() {
                running.push(Outcome::Fail(failure));
            }
        }
        let running = self.get();
        running.reports = NonNull::from(&[]);
        running.shown = Shown::default();
        *outcomes = std::mem::take(&mut running.outcomes);
        sound && !running.clock.expired()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: `new` made it of a box, and the state that could reach it is closed.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// The native functions, for the prelude to give them their places.
pub(super) fn natives(lua: &Lua) -> mlua::Result<Table> {
    let natives = lua.create_table()?;
    // SAFETY: each expects to be called by Luau, on a state that has its `Shared`, and nothing of its arguments but that
    // `drive` and `bound` are called by us alone.
    unsafe {
        natives.raw_set("index", lua.create_c_function(index)?)?;
        natives.raw_set("newindex", lua.create_c_function(newindex)?)?;
        natives.raw_set("lookup", lua.create_c_function(lookup)?)?;
        natives.raw_set("drive", lua.create_c_function(drive)?)?;
        natives.raw_set("bound", lua.create_c_function(bound)?)?;
    }
    seal::add(lua, &natives)?;
    Ok(natives)
}

/// Makes the one report of a state.
pub(super) fn report(lua: &Lua, metatable: Table) -> mlua::Result<Value> {
    // SAFETY: the metatable is on top, as `exec_raw` has pushed it, and makes sure that there is room.
    unsafe { lua.exec_raw(metatable, |state| stack::push_report(state)) }
}

/// # Safety
/// The state must have its [`Shared`], and what was borrowed before must not be used again. The natives keep no borrow
/// while Luau runs.
unsafe fn running<'a>(state: *mut lua_State) -> &'a mut Running {
    // SAFETY: `Shared::new` set the address; it is alive as long as the state. There are no coroutines, hence no
    // thread but that one.
    unsafe { &mut *ffi::lua_getthreaddata(state).cast::<Running>() }
}

/// Calls the script (argument 1) with the report (argument 2) for each report that is left, with its locals (argument 3)
/// as they were. An error leaves it, and belongs to the report at hand.
unsafe extern "C-unwind" fn drive(state: *mut lua_State) -> c_int {
    // SAFETY: it is this function's state; `Running` is borrowed anew after the script has run.
    unsafe {
        let mut stack = Stack::of(state);
        while running(state).begin() {
            seal::set_back(state, 3);
            ffi::lua_pushvalue(state, 1);
            ffi::lua_pushvalue(state, 2);
            ffi::lua_call(state, 1, 1);
            if !running(state).end(&mut stack) {
                break;
            }
            stack.truncate(3);
        }
    }
    0
}

unsafe extern "C-unwind" fn interrupt(state: *mut lua_State, gc: c_int) {
    // SAFETY: Luau interrupts a state that runs. Within its garbage collector no error may be raised.
    unsafe {
        if gc < 0 && running(state).clock.tick() {
            Stack::of(state).raise("out of time".to_owned());
        }
    }
}

/// `report.FIELD`, as the metamethod of the report.
unsafe extern "C-unwind" fn index(state: *mut lua_State) -> c_int {
    // SAFETY: it is this function's state.
    let (mut stack, running) = unsafe { (Stack::of(state), running(state)) };
    match field(&stack).and_then(|field| running.shown.get(&mut stack, field)) {
        Ok(()) => 1,
        Err(problem) => stack.raise(problem.0),
    }
}

/// `report.FIELD = VALUE`, as the metamethod of the report.
unsafe extern "C-unwind" fn newindex(state: *mut lua_State) -> c_int {
    // SAFETY: it is this function's state.
    let (mut stack, running) = unsafe { (Stack::of(state), running(state)) };
    match field(&stack).and_then(|field| running.shown.set(&mut stack, field, 3)) {
        Ok(()) => 0,
        Err(problem) => stack.raise(problem.0),
    }
}

fn field(stack: &Stack) -> Result<Field, output::BadOutput> {
    Field::of(stack.atom(2)).or_else(|| Field::named(&stack.value(2))).ok_or_else(|| Field::unknown(&stack.value(2)))
}

/// `upto.lookup(table, key)`.
unsafe extern "C-unwind" fn lookup(state: *mut lua_State) -> c_int {
    // SAFETY: it is this function's state.
    let (mut stack, running) = unsafe { (Stack::of(state), running(state)) };
    let found = match (stack.value(1), stack.value(2)) {
        (Slot::Text(table), Slot::Text(key)) => {
            // A key that is no text is in no table.
            // No table has a longer name; a long one is not looked through.
            let name = String::from_utf8_lossy(&table[..table.len().min(NAME)]);
            running.tables.get(&name).map(|table| table.get(std::str::from_utf8(key).ok()?))
        }
        _ => Err("upto.lookup takes the name of a table and a key, both text".to_owned()),
    };
    match found {
        Ok(value) => stack.push_optional(value),
        Err(problem) => stack.raise(problem),
    }
    1
}

/// The searches of the library `string`, by the names that errors give them.
const SEARCHES: [&CStr; 5] = [c"find", c"gmatch", c"gsub", c"match", c"split"];

/// Compares of bytes that one search may cost, as no interrupt reaches into it. A set in a pattern is read through for each
/// letter of the text, so that patterns cost what plain searches do.
const SEARCH: usize = 1 << 22;

/// Puts a bound on a search (argument 1) of this name (argument 2).
unsafe extern "C-unwind" fn bound(state: *mut lua_State) -> c_int {
    // SAFETY: it is this function's state. The name of the new function is static, and its two upvalues are the arguments.
    unsafe {
        let mut stack = Stack::of(state);
        let Slot::Text(name) = stack.value(2) else { stack.raise("bound takes a search and its name".to_owned()) };
        let Some(name) = SEARCHES.into_iter().find(|search| search.to_bytes() == name) else {
            stack.raise("there is no such search".to_owned())
        };
        stack.truncate(2);
        ffi::lua_pushcclosured(state, search, name.as_ptr(), 2);
        1
    }
}

/// A search within its bound: native and in the frame of the one that it calls, so that it costs next to nothing.
unsafe extern "C-unwind" fn search(state: *mut lua_State) -> c_int {
    // SAFETY: it is this function's state, and `bound` gave it its upvalues. The search finds the stack as it was called.
    unsafe {
        let mut stack = Stack::of(state);
        let length = |index| if let Slot::Text(text) = stack.value(index) { text.len() } else { 0 };
        if length(1).saturating_mul(length(2)) > SEARCH {
            let name = stack.value(ffi::lua_upvalueindex(2));
            let name =
                if let Slot::Text(name) = name { String::from_utf8_lossy(name).into_owned() } else { String::new() };
            stack.raise(format!("string.{name}: the texts are too long"));
        }
        match ffi::lua_tocfunction(state, ffi::lua_upvalueindex(1)) {
            Some(function) => function(state),
            None => 0,
        }
    }
}
