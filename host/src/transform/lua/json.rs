//! JSON for scripts. Text becomes Lua values as it is read, so that it costs no memory but the script's own.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::time::Duration;

use mlua::{Error, Lua, LuaString, Table, Value};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::transform::cpu;

/// Arrays and objects within each other.
const DEPTH: usize = 64;
/// Bytes of text that are made.
const ENCODED: usize = 1 << 20;
/// Values of one text.
const VALUES: usize = 20_000;
/// Processor time of one call.
const TIME: Duration = Duration::from_millis(20);
/// Values between two looks at the time.
const LOOKS: usize = 16;

/// A value from JSON text; the second result is what is wrong with it. Members that are null are left out; in an array
/// a null is [`Value::NULL`], so that the others keep their places.
pub(super) fn decode(lua: &Lua, text: &[u8]) -> mlua::Result<(Value, Option<String>)> {
    let (raised, work) = (Cell::new(None), RefCell::new(Work::start()));
    let mut json = serde_json::Deserializer::from_slice(text);
    let seed = Decode { lua, depth: 0, raised: &raised, work: &work };
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
    work: &'a RefCell<Work>,
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
        self.work.borrow_mut().one_more().map_err(de::Error::custom)?;
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
    let mut encoder = Encoder { out: String::new(), work: Work::start() };
    Ok(match encoder.write(value, 0) {
        Ok(()) => (Some(encoder.out), None),
        Err(Fault::Unfit(problem)) => (None, Some(problem)),
        Err(Fault::Raised(error)) => return Err(error),
    })
}

/// Why there is no text.
enum Fault {
    /// The value has no JSON form, or a too large one.
    Unfit(String),
    /// What Lua raised.
    Raised(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Raised(error)
    }
}

impl From<&str> for Fault {
    fn from(problem: &str) -> Self {
        Fault::Unfit(problem.to_owned())
    }
}

/// The text so far, which has no more than [`ENCODED`] bytes.
struct Encoder {
    out: String,
    work: Work,
}

impl Encoder {
    fn push(&mut self, text: &str) -> Result<(), Fault> {
        if self.out.len() + text.len() > ENCODED {
            return Err(Fault::Unfit(format!("the text would have more than {ENCODED} bytes")));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn write(&mut self, value: &Value, depth: usize) -> Result<(), Fault> {
        self.work.one_more().map_err(Fault::Unfit)?;
        let text = match value {
            Value::Nil => "null".to_owned(),
            value if value.is_null() => "null".to_owned(),
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Number(value) => number(*value).ok_or("a number that is not finite has no JSON form")?,
            Value::String(text) => self.quoted(text)?,
            Value::Table(_) if depth == DEPTH => {
                return Err(Fault::Unfit(format!("tables are nested more than {DEPTH} deep")));
            }
            Value::Table(table) if table.raw_len() > 0 => return self.array(table, depth),
            Value::Table(table) => return self.object(table, depth),
            other => return Err(Fault::Unfit(format!("a {} has no JSON form", other.type_name()))),
        };
        self.push(&text)
    }

    fn array(&mut self, table: &Table, depth: usize) -> Result<(), Fault> {
        let length = table.raw_len();
        self.work.room_for(length).map_err(Fault::Unfit)?;
        if table.pairs::<Value, Value>().take(length + 1).count() != length {
            return Err("a table is a list without gaps or has keys, not both".into());
        }
        for at in 1..=length {
            self.push(if at == 1 { "[" } else { "," })?;
            self.write(&table.raw_get(at)?, depth + 1)?;
        }
        self.push("]")
    }

    fn object(&mut self, table: &Table, depth: usize) -> Result<(), Fault> {
        let mut keys = Vec::new();
        for pair in table.pairs::<Value, Value>() {
            match pair?.0 {
                Value::String(key) => keys.push((self.quoted(&key)?, key)),
                other => return Err(Fault::Unfit(format!("a key must be text, not a {}", other.type_name()))),
            }
            self.work.room_for(keys.len()).map_err(Fault::Unfit)?;
        }
        keys.sort_by_cached_key(|(_, key)| key.as_bytes().to_vec());
        self.push("{")?;
        for (at, (quoted, key)) in keys.iter().enumerate() {
            self.push(if at == 0 { "" } else { "," })?;
            self.push(quoted)?;
            self.push(":")?;
            self.write(&table.raw_get(key)?, depth + 1)?;
        }
        self.push("}")
    }

    fn quoted(&self, text: &LuaString) -> Result<String, Fault> {
        let bytes = text.as_bytes();
        if bytes.len() > ENCODED {
            return Err(Fault::Unfit(format!("the text would have more than {ENCODED} bytes")));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| "text that is not valid UTF-8 has no JSON form")?;
        Ok(serde_json::Value::from(text).to_string())
    }
}

/// What one call may cost: no interrupt reaches into it.
struct Work {
    values: usize,
    began: Duration,
}

impl Work {
    fn start() -> Self {
        Work { values: 0, began: cpu::time() }
    }

    /// Takes one more value into account.
    fn one_more(&mut self) -> Result<(), String> {
        self.values += 1;
        self.room_for(0)?;
        // To skip what was taken out of a table costs time and shows no value.
        match self.values.is_multiple_of(LOOKS) && cpu::time() - self.began > TIME {
            true => Err(format!("it takes longer than {} ms", TIME.as_millis())),
            false => Ok(()),
        }
    }

    fn room_for(&self, more: usize) -> Result<(), String> {
        match self.values + more > VALUES {
            true => Err(format!("there are more than {VALUES} values")),
            false => Ok(()),
        }
    }
}

fn number(value: f64) -> Option<String> {
    /// Every whole number below has a form of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value.fract() == 0.0 && value.abs() < EXACT {
        true => Some((value as i64).to_string()),
        false => serde_json::Number::from_f64(value).map(|number| number.to_string()),
    }
}
