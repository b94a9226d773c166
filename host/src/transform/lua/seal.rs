//! What lets each report meet a script as its top level left it: the prelude makes all that it made read-only, and finds
//! the locals of its file that its functions set; [`set_back`] gives them their values again.

use std::os::raw::c_int;

use mlua::ffi::{self, lua_State};
use mlua::{Lua, Table, Value};

/// The native functions that the prelude needs for it, and `set_back`. No script can reach them.
pub(super) fn add(lua: &Lua, natives: &Table) -> mlua::Result<()> {
    static MARK: u8 = 0;
    natives.raw_set("mark", Value::LightUserData(mlua::LightUserData((&raw const MARK).cast_mut().cast())))?;
    // SAFETY: each expects to be called by Luau, with the arguments that it names.
    unsafe {
        natives.raw_set("upvalue", lua.create_c_function(upvalue)?)?;
        natives.raw_set("set_upvalue", lua.create_c_function(set_upvalue)?)?;
        natives.raw_set("copied", lua.create_c_function(copied)?)?;
        natives.raw_set("freeze", lua.create_c_function(freeze)?)?;
        natives.raw_set("metatable", lua.create_c_function(metatable)?)?;
        natives.raw_set("set_back", lua.create_c_function(set_back_all)?)?;
    }
    Ok(())
}

/// Gives the locals in the list at an index the values that they had. Each is a function, the index of its upvalue, and
/// the value.
///
/// # Safety
/// The state must run the calling native function and have room for five values, with a list of the prelude's function
/// `seal` at the index, which counts from the bottom.
pub(super) unsafe fn set_back(state: *mut lua_State, locals: c_int) {
    // SAFETY: the caller keeps to the above. What is set stays in the list, which holds it alive.
    unsafe {
        for at in 1..=ffi::lua_objlen(state, locals) {
            ffi::lua_rawgeti_(state, locals, at as c_int);
            for part in 1..=3 {
                ffi::lua_rawgeti_(state, -part, part);
            }
            let index = ffi::lua_tonumber(state, -2) as c_int;
            ffi::lua_setupvalue(state, -3, index);
            ffi::lua_settop(state, -4);
        }
    }
}

/// Sets the locals of a list (argument 1) back.
unsafe extern "C-unwind" fn set_back_all(state: *mut lua_State) -> c_int {
    // SAFETY: Luau gives a native function room for twenty values.
    unsafe { set_back(state, 1) };
    0
}

/// Whether a function (argument 1) has an upvalue of this index (argument 2), and its value.
unsafe extern "C-unwind" fn upvalue(state: *mut lua_State) -> c_int {
    // SAFETY: the first argument is a function. It pushes the value where there is one.
    unsafe {
        let exists = !ffi::lua_getupvalue(state, 1, ffi::lua_tonumber(state, 2) as c_int).is_null();
        ffi::lua_pushboolean(state, c_int::from(exists));
        if !exists {
            return 1;
        }
        ffi::lua_insert(state, -2);
        2
    }
}

/// Sets an upvalue of a function (argument 1) by its index (argument 2) to a value (argument 3).
unsafe extern "C-unwind" fn set_upvalue(state: *mut lua_State) -> c_int {
    // SAFETY: the first argument is a function that has such an upvalue; the value is on top.
    unsafe {
        ffi::lua_setupvalue(state, 1, ffi::lua_tonumber(state, 2) as c_int);
        0
    }
}

/// A copy of a function (argument 1) that shares with it what it shares with others; a native one is its own copy.
unsafe extern "C-unwind" fn copied(state: *mut lua_State) -> c_int {
    // SAFETY: the argument is a function; only one of Luau's own can be copied.
    unsafe {
        match ffi::lua_iscfunction(state, 1) {
            0 => ffi::lua_clonefunction(state, 1),
            _ => ffi::lua_pushvalue(state, 1),
        }
        1
    }
}

/// Makes a table (argument 1) read-only, whatever its metatable says.
unsafe extern "C-unwind" fn freeze(state: *mut lua_State) -> c_int {
    // SAFETY: the argument is a table.
    unsafe { ffi::lua_setreadonly(state, 1, 1) };
    0
}

/// The metatable of a table (argument 1), whatever that says of itself.
unsafe extern "C-unwind" fn metatable(state: *mut lua_State) -> c_int {
    // SAFETY: any value may be asked; it pushes the metatable where there is one.
    unsafe { ffi::lua_getmetatable(state, 1) }
}
