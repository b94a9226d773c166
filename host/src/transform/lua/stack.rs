//! The stack of a running call: values of Luau as Rust sees them, without what mlua's safe interface costs for each.
//!
//! All that is unsafe about values stands here. What pushes a value may raise Luau's error for want of memory: it unwinds
//! through Rust's frames like a panic, up to the protected call that began it all.

use std::ffi::CStr;
use std::os::raw::{c_char, c_int};

use mlua::ffi::{self, lua_State};

/// Marks the report among the values that are userdata: any tag that mlua gives to none of its own, which are 0 and 1.
const REPORT: c_int = 100;

/// A value.
pub(super) enum Slot<'a> {
    Nil,
    Number(f64),
    Text(&'a [u8]),
    Table,
    /// The one report of the state.
    Report,
    /// Any other, by the name of its type.
    Other(&'static str),
}

impl Slot<'_> {
    /// The name of its type, as messages give it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Slot::Nil => "nil",
            Slot::Number(_) => "number",
            Slot::Text(_) => "string",
            Slot::Table => "table",
            Slot::Report => "userdata",
            Slot::Other(name) => name,
        }
    }
}

/// The stack of the native function that runs. Luau gives each one room for twenty values.
pub(super) struct Stack(*mut lua_State);

impl Stack {
    /// # Safety
    /// The state must run the calling native function for as long as this is used.
    pub(super) unsafe fn of(state: *mut lua_State) -> Stack {
        Stack(state)
    }

    /// The index of the value on top: how many there are.
    pub(super) fn top(&self) -> c_int {
        // SAFETY: the state runs this function, see `Stack::of`; the same holds for all calls below.
        unsafe { ffi::lua_gettop(self.0) }
    }

    /// Takes away what is above `top`.
    pub(super) fn truncate(&mut self, top: c_int) {
        // SAFETY: `top` is no more than there are, as callers took it from `Stack::top` or a count of arguments.
        unsafe { ffi::lua_settop(self.0, top) }
    }

    /// The value at an index; where there is none, it is nil. Text lives as long as its value is on the stack, which
    /// the borrow keeps as it is.
    pub(super) fn value(&self, index: c_int) -> Slot<'_> {
        // SAFETY: any index may be asked for its type, and each accessor is called for the type that it is for.
        unsafe {
            match ffi::lua_type(self.0, index) {
                ffi::LUA_TNONE | ffi::LUA_TNIL => Slot::Nil,
                ffi::LUA_TNUMBER => Slot::Number(ffi::lua_tonumber(self.0, index)),
                ffi::LUA_TSTRING => {
                    let mut length = 0;
                    let text = ffi::lua_tolstring(self.0, index, &mut length);
                    Slot::Text(std::slice::from_raw_parts(text.cast(), length))
                }
                ffi::LUA_TTABLE => Slot::Table,
                ffi::LUA_TUSERDATA if ffi::lua_userdatatag(self.0, index) == REPORT => Slot::Report,
                other => Slot::Other(CStr::from_ptr(ffi::lua_typename(self.0, other)).to_str().unwrap_or("value")),
            }
        }
    }

    /// The number that [`set_atoms`] gave the text at an index; negative for any other.
    pub(super) fn atom(&self, index: c_int) -> c_int {
        // SAFETY: a value that is no text is not asked, as it would be turned into one.
        unsafe {
            let mut atom = -1;
            if ffi::lua_type(self.0, index) == ffi::LUA_TSTRING {
                ffi::lua_tostringatom(self.0, index, &mut atom);
            }
            atom
        }
    }

    pub(super) fn push_nil(&mut self) {
        // SAFETY: there is room for twenty values, and no caller keeps more than a few.
        unsafe { ffi::lua_pushnil(self.0) }
    }

    pub(super) fn push_number(&mut self, number: f64) {
        // SAFETY: as for `push_nil`.
        unsafe { ffi::lua_pushnumber(self.0, number) }
    }

    pub(super) fn push_text(&mut self, text: &str) {
        // SAFETY: as for `push_nil`; the text is copied.
        unsafe { ffi::lua_pushlstring_(self.0, text.as_ptr().cast(), text.len()) }
    }

    /// Pushes text, or nil for none.
    pub(super) fn push_optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.push_text(text),
            None => self.push_nil(),
        }
    }

    /// Pushes a new table of text by text.
    pub(super) fn push_table<'t>(&mut self, rows: impl ExactSizeIterator<Item = (&'t str, &'t str)>) {
        // SAFETY: as for `push_nil`; the table is new, hence it can be written to.
        unsafe { ffi::lua_createtable(self.0, 0, rows.len() as c_int) };
        for (key, value) in rows {
            self.push_text(key);
            self.push_text(value);
            // SAFETY: the table is below the key and the value.
            unsafe { ffi::lua_rawset(self.0, -3) };
        }
    }

    /// Keeps the value at an index with the state, until the next is kept.
    pub(super) fn keep(&mut self, index: c_int) {
        // SAFETY: the registry is a table that is never read-only, and the key an address that only this file names.
        unsafe {
            ffi::lua_pushvalue(self.0, index);
            ffi::lua_rawsetptagged(self.0, ffi::LUA_REGISTRYINDEX, (&raw const KEPT).cast(), 0);
        }
    }

    /// Pushes the value that was kept last.
    pub(super) fn push_kept(&mut self) {
        // SAFETY: as for `keep`.
        unsafe { ffi::lua_rawgetptagged(self.0, ffi::LUA_REGISTRYINDEX, (&raw const KEPT).cast(), 0) };
    }

    /// Pushes a field of the table at an index. No metamethod is called.
    pub(super) fn push_field(&mut self, table: c_int, name: &str) {
        self.push_text(name);
        // SAFETY: callers name a table by an index that counts from the bottom; the key is on top.
        unsafe { ffi::lua_rawget(self.0, table) };
    }

    /// What `read` makes of a field of the table at an index.
    pub(super) fn field<R>(&mut self, table: c_int, name: &str, read: impl FnOnce(Slot<'_>) -> R) -> R {
        let top = self.top();
        self.push_field(table, name);
        let result = read(self.value(-1));
        self.truncate(top);
        result
    }

    /// Pushes an element of the list at an index.
    pub(super) fn push_element(&mut self, list: c_int, at: usize) {
        // SAFETY: callers name a table.
        unsafe { ffi::lua_rawgeti_(self.0, list, at as c_int) };
    }

    /// The length of the list at an index.
    pub(super) fn length(&self, list: c_int) -> usize {
        // SAFETY: callers name a table.
        unsafe { ffi::lua_objlen(self.0, list) }
    }

    /// Shows key and value of each row of the table at an index, until one is refused.
    pub(super) fn each<E>(
        &mut self,
        table: c_int,
        mut see: impl FnMut(Slot<'_>, Slot<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let top = self.top();
        let mut at = 0;
        loop {
            // SAFETY: callers name a table by an index that counts from the bottom. It pushes a key and a value, or
            // says -1 and pushes nothing.
            at = unsafe { ffi::lua_rawiter(self.0, table, at) };
            if at < 0 {
                return Ok(());
            }
            let seen = see(self.value(-2), self.value(-1));
            self.truncate(top);
            seen?;
        }
    }

    /// Raises an error that names the script's line, as Luau's own do.
    pub(super) fn raise(&mut self, message: String) -> ! {
        // SAFETY: as for `push_nil`. The message is copied, and freed before the error leaves this frame.
        unsafe {
            ffi::luaL_where(self.0, 1);
            ffi::lua_pushlstring_(self.0, message.as_ptr().cast(), message.len());
            drop(message);
            ffi::lua_concat(self.0, 2);
            ffi::lua_error(self.0)
        }
    }
}

/// Its address is the key of [`Stack::keep`].
static KEPT: u8 = 0;

/// Pushes the one report of a state: a value without content of its own, whose metatable is on top and is taken.
///
/// # Safety
/// The state must have room for two values, with a table on top.
pub(super) unsafe fn push_report(state: *mut lua_State) {
    // SAFETY: the caller keeps to the above.
    unsafe {
        ffi::lua_newuserdatatagged(state, 0, REPORT);
        ffi::lua_insert(state, -2);
        ffi::lua_setmetatable(state, -2);
    }
}

/// Gives the names of a report's fields their index as atom, so that a field is found without comparing text.
///
/// # Safety
/// To be called for a state that is not closed. A text keeps the atom that it was given first.
pub(super) unsafe fn set_atoms(state: *mut lua_State) {
    unsafe extern "C-unwind" fn atom(_: *mut lua_State, text: *const c_char, length: usize) -> i16 {
        // SAFETY: Luau gives the text and its length.
        let text = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
        super::report::FIELDS.iter().position(|field| field.as_bytes() == text).map_or(-1, |at| at as i16)
    }
    // SAFETY: each state has its callbacks, from its start to its end.
    unsafe { (*ffi::lua_callbacks(state)).useratom = Some(atom) };
}
