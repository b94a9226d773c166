//! A MessagePack value tree and its writer: what `upto_wire`'s own encoder would never write, tests write with this.

#![allow(dead_code)] // Each test file uses its own part of it.

use upto_wire::{Report, WireError, msgpack};

/// A MessagePack value. `Raw` is taken as it is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text.
    Str(&'static str),
    /// Text whose bytes need not be UTF-8.
    Bytes(Vec<u8>),
    /// `bin`.
    Bin(&'static [u8]),
    /// A map with keys of any kind.
    Map(Vec<(Value, Value)>),
    /// An array.
    Array(Vec<Value>),
    /// An extension: its type and data, in the `ext 8` form.
    Ext(i8, Vec<u8>),
    /// Bytes of a value.
    Raw(Vec<u8>),
}

impl Value {
    /// The value's bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Value::Str(text) => Value::Bytes(text.as_bytes().to_vec()).encode(),
            Value::Bytes(bytes) => [&[0xdb], &(bytes.len() as u32).to_be_bytes()[..], bytes].concat(),
            Value::Bin(bytes) => [&[0xc5], &(bytes.len() as u16).to_be_bytes()[..], bytes].concat(),
            Value::Map(pairs) => {
                let mut out = [&[0xde], &(pairs.len() as u16).to_be_bytes()[..]].concat();
                pairs.iter().for_each(|(key, value)| out.extend([key.encode(), value.encode()].concat()));
                out
            }
            Value::Array(items) => {
                let mut out = [&[0xdd], &(items.len() as u32).to_be_bytes()[..]].concat();
                items.iter().for_each(|item| out.extend(item.encode()));
                out
            }
            Value::Ext(kind, data) => [&[0xc7, data.len() as u8, *kind as u8], &data[..]].concat(),
            Value::Raw(bytes) => bytes.clone(),
        }
    }
}

/// A map with text keys.
pub fn map(pairs: &[(&'static str, Value)]) -> Value {
    Value::Map(pairs.iter().map(|(key, value)| (Value::Str(key), value.clone())).collect())
}

/// A start of `ev` in `ctx`, with these further fields.
pub fn start_with(further: &[(&'static str, Value)]) -> Value {
    let required = [("context", Value::Str("ctx")), ("name", Value::Str("ev")), ("type", Value::Raw(vec![0]))];
    map(&[&required[..], further].concat())
}

/// All items of a message.
pub fn decode(message: &[u8]) -> Vec<Result<Report<'_>, WireError>> {
    msgpack::reports(message).collect()
}

/// The one item of a message.
pub fn decode_one(message: &[u8]) -> Result<Report<'static>, WireError> {
    let mut items = decode(message);
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0).map(Report::into_owned)
}
