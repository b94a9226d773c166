//! Reports as JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::builder::{Builder, Field, Scalar, not_a_report};
use crate::{Report, WireError, limits};

/// The reports of a JSON document: an object is one report, an array several. Each item is the text of one report for
/// [`report`], so that a faulty one costs only itself.
///
/// # Errors
/// [`WireError::InvalidUtf8`], or [`WireError::Malformed`] where the document as a whole is no JSON, or neither object
/// nor array.
pub fn items(document: &[u8]) -> Result<Vec<&str>, WireError> {
    let document = std::str::from_utf8(document).map_err(|_| WireError::InvalidUtf8 { field: "the JSON" })?;
    // JSON's white space is a part of ASCII's; anything else in front is malformed.
    match document.trim_ascii_start().as_bytes().first() {
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(document).map_err(malformed)?;
            Ok(items.into_iter().map(RawValue::get).collect())
        }
        Some(b'{') => Ok(vec![document]),
        Some(_) => Err(WireError::Malformed("a JSON body is an object (one report) or an array of them".into())),
        None => Err(WireError::Empty),
    }
}

/// One report from the text of one JSON object.
///
/// # Errors
/// [`WireError::Malformed`] where it is no JSON, else what is wrong with it or its fields.
pub fn report(text: &str) -> Result<Report<'_>, WireError> {
    if nesting(text) > limits::DEPTH {
        return Err(WireError::TooDeep);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    if !text.trim_ascii_start().starts_with('{') {
        let value = Scalar::deserialize(&mut deserializer).map_err(malformed)?;
        return Err(not_a_report(&value));
    }
    let builder = ReportSeed.deserialize(&mut deserializer).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    builder.finish()
}

/// How many objects and arrays are within each other at the most. Of text that is no JSON it says nothing useful.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn malformed(error: serde_json::Error) -> WireError {
    WireError::Malformed(format!("no valid JSON report: {error}"))
}

struct ReportSeed;

impl<'de> DeserializeSeed<'de> for ReportSeed {
    type Value = Builder<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReportSeed {
    type Value = Builder<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut builder = Builder::default();
        while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
            match Field::of(key.as_bytes()) {
                Some(Field::Labels) => {
                    labels(map.next_value::<&RawValue>()?.get(), &mut builder).map_err(de::Error::custom)?;
                }
                Some(field) => builder.set(field, map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(builder)
    }
}

/// Text that is borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => Ok(Text(text)),
            _ => Err(de::Error::custom("keys are text")),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Scalar::Big(value), Scalar::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("an object"))
    }
}

/// Labels from the text of their value; anything but an object (or null, which is none) is a wrong type.
fn labels<'de>(text: &'de str, builder: &mut Builder<'de>) -> Result<(), serde_json::Error> {
    match text.starts_with('{') {
        true => serde_json::Deserializer::from_str(text).deserialize_map(LabelsVisitor(builder)),
        false => serde_json::from_str(text).map(|value| builder.set(Field::Labels, value)),
    }
}

struct LabelsVisitor<'b, 'de>(&'b mut Builder<'de>);

impl<'de> Visitor<'de> for LabelsVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("labels, which are an object of text")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.begin_labels();
        while let Some((Text(key), value)) = map.next_entry::<Text<'de>, Scalar<'de>>()? {
            self.0.label(Scalar::Text(key), value);
        }
        Ok(())
    }
}
