//! What `helpers.luau` calls: JSON, text, times, signatures and refusals. Where there is a second result, it is what the
//! helper raises, with the line of its caller.

use std::sync::Arc;

use mlua::chunk::Compiler;
use mlua::{Error, Lua, LuaString, Table, Value};
use upto_wire::Time;

use super::compiled::Compiled;
use super::{Script, json};
use crate::transform::{Rejection, secrets};

/// Bytes of names, times and messages that are looked at; what is longer is none.
const SHORT: usize = 1_024;
/// Bytes of the texts that are compared: no interrupt reaches into it.
const COMPARED: usize = 64 << 10;

/// The zero time of Go, by which its programs say "none".
const GO_ZERO: &[u8] = b"0001-01-01T00:00:00Z";

/// Adds the helpers to `upto`, which the prelude made.
pub(super) fn add(lua: &Lua, upto: &Table, script: &Arc<Script>) -> mlua::Result<()> {
    let natives = lua.create_table()?;
    natives.raw_set("decode", lua.create_function(|lua, text: LuaString| json::decode(lua, &text.as_bytes()))?)?;
    natives.raw_set("encode", lua.create_function(|_, value: Value| json::encode(&value))?)?;
    natives.raw_set("cut", lua.create_function(|lua, (text, bytes)| cut(lua, &text, bytes))?)?;
    natives.raw_set("time", lua.create_function(|_, text: LuaString| Ok(time(short(&text.as_bytes()))))?)?;
    let equal = |_: &Lua, (a, b): (LuaString, LuaString)| {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        Ok(a.len() <= COMPARED && secrets::equal(&a, &b))
    };
    natives.raw_set("equal", lua.create_function(equal)?)?;
    let known = script.secrets.clone();
    let hmac = move |_: &Lua, (name, text): (LuaString, LuaString)| {
        Ok(split(known.hmac_sha256(&lossy(&name), &text.as_bytes())))
    };
    natives.raw_set("hmac_sha256", lua.create_function(hmac)?)?;
    let known = script.secrets.clone();
    let equals = move |_: &Lua, (name, text): (LuaString, LuaString)| {
        let text = text.as_bytes();
        Ok(split(known.equals(&lossy(&name), if text.len() <= COMPARED { &text } else { b"" })))
    };
    natives.raw_set("secret_equals", lua.create_function(equals)?)?;
    let refuse = |_: &Lua, (status, message): (f64, LuaString)| match Rejection::refused(status, &lossy(&message)) {
        Ok(rejection) => Err(Error::external(rejection)),
        Err(problem) => Ok(problem),
    };
    natives.raw_set("refuse", lua.create_function(refuse)?)?;
    natives.raw_set("null", Value::NULL)?;
    static HELPERS: Compiled = Compiled::new();
    let helpers = HELPERS.load(lua, "=upto", include_str!("helpers.luau"), Compiler::new);
    helpers.call::<()>((upto, natives))?;
    upto.raw_get::<Table>("json")?.set_readonly(true);
    Ok(())
}

fn short(text: &[u8]) -> &[u8] {
    &text[..text.len().min(SHORT)]
}

/// The beginning of a text, as far as anybody reads it.
fn lossy(text: &LuaString) -> String {
    String::from_utf8_lossy(short(&text.as_bytes())).into_owned()
}

fn split<T>(result: Result<T, String>) -> (Option<T>, Option<String>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(problem) => (None, Some(problem)),
    }
}

/// At most so many bytes of a text, which end with a whole character. What is not UTF-8 is replaced.
fn cut(lua: &Lua, text: &LuaString, bytes: usize) -> mlua::Result<LuaString> {
    let text = text.as_bytes();
    // As many bytes of the whole text make at least as many of the lossy one.
    let text = String::from_utf8_lossy(&text[..text.len().min(bytes.saturating_add(3))]);
    lua.create_string(&text[..text.floor_char_boundary(bytes)])
}

/// Microseconds since 1970.
fn time(text: &[u8]) -> (Option<f64>, Option<String>) {
    if text.is_empty() || text == GO_ZERO {
        return (None, None);
    }
    split(Time::parse(&String::from_utf8_lossy(text)).map(|time| time.micros() as f64).map_err(|e| e.to_string()))
}
