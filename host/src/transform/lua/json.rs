//! JSON for scripts. Text becomes Lua values as it is read, so that it costs no memory but the script's own.

use std::cell::Cell;
use std::fmt;

use mlua::{Error, Lua, Table, Value};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Arrays and objects within each other.
const DEPTH: usize = 64;
/// Bytes of text that are made.
const ENCODED: usize = 1 << 20;

/// A value from JSON text; the second result is what is wrong with it. Members that are null are left out; in an array
/// a null is [`Value::NULL`], so that the others keep their places.
pub(super) fn decode(lua: &Lua, text: &[u8]) -> mlua::Result<(Value, Option<String>)> {
    let raised = Cell::new(None);
    let mut json = serde_json::Deserializer::from_slice(text);
    let seed = Decode { lua, depth: 0, raised: &raised };
    match seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value)) {
        Ok(value) => Ok((value, None)),
        Err(error) => match raised.take() {
            Some(raised) => Err(raised),
            None => Ok((Value::Nil, Some(format!("the text is no JSON: {error}")))),
        },
    }
}

#[derive(Clone, Copy)]
struct Decode<'a> {
    lua: &'a Lua,
    depth: usize,
    /// What Lua raised: its memory is full.
    raised: &'a Cell<Option<Error>>,
}

impl Decode<'_> {
    fn lift<T, E: de::Error>(self, result: mlua::Result<T>) -> Result<T, E> {
        result.map_err(|error| {
            self.raised.set(Some(error));
            E::custom("out of memory")
        })
    }

    fn inner<E: de::Error>(self) -> Result<Self, E> {
        match self.depth < DEPTH {
            true => Ok(Decode { depth: self.depth + 1, ..self }),
            false => Err(E::custom(format!("values are nested more than {DEPTH} deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Decode<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Decode<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::NULL)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.lift(self.lua.create_string(text)).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let (inner, table) = (self.inner()?, self.lift(self.lua.create_table())?);
        let mut at = 0;
        while let Some(item) = items.next_element_seed(inner)? {
            at += 1;
            self.lift(table.raw_set(at, item))?;
        }
        Ok(Value::Table(table))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let (inner, table) = (self.inner()?, self.lift(self.lua.create_table())?);
        while let Some(key) = members.next_key_seed(inner)? {
            let value = members.next_value_seed(inner)?;
            if !value.is_null() {
                self.lift(table.raw_set(key, value))?;
            }
        }
        Ok(Value::Table(table))
    }
}

/// JSON text of a value; the second result is what has no JSON form in it. A table with elements is an array, any other
/// an object, whose members are sorted, so that equal values are equal text.
pub(super) fn encode(value: &Value) -> mlua::Result<(Option<String>, Option<String>)> {
    let mut out = String::new();
    Ok(match write(value, 0, &mut out)? {
        Ok(()) => (Some(out), None),
        Err(problem) => (None, Some(problem)),
    })
}

fn write(value: &Value, depth: usize, out: &mut String) -> mlua::Result<Result<(), String>> {
    let text = match value {
        Value::Nil => "null".to_owned(),
        value if value.is_null() => "null".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Number(value) => match number(*value) {
            Some(text) => text,
            None => return Ok(Err("a number that is not finite has no JSON form".to_owned())),
        },
        Value::String(text) => match std::str::from_utf8(&text.as_bytes()) {
            Ok(text) => quoted(text),
            Err(_) => return Ok(Err("text that is not valid UTF-8 has no JSON form".to_owned())),
        },
        Value::Table(_) if depth == DEPTH => return Ok(Err(format!("tables are nested more than {DEPTH} deep"))),
        Value::Table(table) if table.raw_len() > 0 => return array(table, depth, out),
        Value::Table(table) => return object(table, depth, out),
        other => return Ok(Err(format!("a {} has no JSON form", other.type_name()))),
    };
    if out.len() + text.len() > ENCODED {
        return Ok(Err(format!("the text would have more than {ENCODED} bytes")));
    }
    out.push_str(&text);
    Ok(Ok(()))
}

fn number(value: f64) -> Option<String> {
    /// Every whole number below has a form of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value.fract() == 0.0 && value.abs() < EXACT {
        true => Some((value as i64).to_string()),
        false => serde_json::Number::from_f64(value).map(|number| number.to_string()),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn array(table: &Table, depth: usize, out: &mut String) -> mlua::Result<Result<(), String>> {
    let length = table.raw_len();
    if table.pairs::<Value, Value>().count() != length {
        return Ok(Err("a table is a list without gaps or has keys, not both".to_owned()));
    }
    for at in 1..=length {
        out.push(if at == 1 { '[' } else { ',' });
        if let Err(problem) = write(&table.raw_get(at)?, depth + 1, out)? {
            return Ok(Err(problem));
        }
    }
    out.push(']');
    Ok(Ok(()))
}

fn object(table: &Table, depth: usize, out: &mut String) -> mlua::Result<Result<(), String>> {
    let mut members = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        match &key {
            Value::String(key) => match std::str::from_utf8(&key.as_bytes()) {
                Ok(key) => members.push((key.to_owned(), value)),
                Err(_) => return Ok(Err("text that is not valid UTF-8 has no JSON form".to_owned())),
            },
            other => return Ok(Err(format!("a key must be text, not a {}", other.type_name()))),
        }
    }
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    out.push('{');
    for (at, (key, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&quoted(key));
        out.push(':');
        if let Err(problem) = write(value, depth + 1, out)? {
            return Ok(Err(problem));
        }
    }
    out.push('}');
    Ok(Ok(()))
}
