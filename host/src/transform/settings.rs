//! What an author says about a function beside its code: where it stands, which contexts it sees, and what becomes of
//! reports on which it fails.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::glob::Contexts;

/// The order of a function whose name begins with no number.
const ORDER: i32 = 100;

/// What becomes of a report on which a function fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// It goes on unchanged.
    #[default]
    Pass,
    /// It is dropped, and counted.
    Drop,
    /// It is kept as a dead letter, and goes no further.
    DeadLetter,
}

impl OnError {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            OnError::Pass => "pass",
            OnError::Drop => "drop",
            OnError::DeadLetter => "dead-letter",
        }
    }
}

/// The settings of a version. They belong to it: whoever activates an older version has its settings again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Reports pass functions in this order, those of equal order by name.
    pub order: i32,
    /// The contexts that it sees; empty for all.
    pub contexts: Contexts,
    /// What becomes of reports on which it fails.
    pub on_error: OnError,
    /// Whether it keeps what it remembers from one report to the next, see [`Surroundings::memory`].
    ///
    /// [`Surroundings::memory`]: super::compile::Surroundings::memory
    pub memory: bool,
}

/// Settings as they are written: what is left out has its default.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsText {
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<i32>,
    contexts: Vec<String>,
    on_error: OnError,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    memory: bool,
}

impl Settings {
    /// The settings of a function that says nothing of them.
    pub fn of(name: &str) -> Settings {
        Settings { order: default_order(name), ..Settings::default() }
    }

    /// The settings of a function in a file, with the text of the file of settings beside it, if there is one.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn beside(name: &str, text: Option<&str>) -> Result<Settings, String> {
        let parse = |text| Settings::parse(name, text).map_err(|error| format!("{name}.settings.json: {error}"));
        text.map_or_else(|| Ok(Settings::of(name)), parse)
    }

    /// Completes what was written.
    ///
    /// # Errors
    /// A sentence about a glob that can't be used.
    pub fn resolve(name: &str, text: SettingsText) -> Result<Settings, String> {
        let contexts = Contexts::new(text.contexts)?;
        let order = text.order.unwrap_or_else(|| default_order(name));
        Ok(Settings { order, contexts, on_error: text.on_error, memory: text.memory })
    }

    /// In a form that [`Settings::parse`] reads, the same for equal settings.
    pub fn to_json(&self) -> String {
        let Settings { order, contexts, on_error, memory } = self.clone();
        let text = SettingsText { order: Some(order), contexts: contexts.globs().to_vec(), on_error, memory };
        // Numbers and text always have a JSON form.
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// Settings as JSON.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(name: &str, json: &str) -> Result<Settings, String> {
        Settings::resolve(name, serde_json::from_str(json).map_err(|error| error.to_string())?)
    }
}

/// The number that a name begins with, so that files and functions that are numbered stand in that order.
fn default_order(name: &str) -> i32 {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    name[..digits].parse().unwrap_or(ORDER)
}

/// Which of a batch's contexts a function sees: each is matched once, as most reports share few.
#[derive(Debug, Default)]
pub(super) struct ContextFilter {
    seen: BTreeMap<Box<str>, bool>,
}

/// Contexts that a filter remembers before it forgets all.
const REMEMBERED: usize = 1_000;

impl ContextFilter {
    pub(super) fn contains(&mut self, contexts: &Contexts, context: &str) -> bool {
        if contexts.is_all() {
            return true;
        }
        if let Some(known) = self.seen.get(context) {
            return *known;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        let found = contexts.contains(context);
        self.seen.insert(context.into(), found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_a_default() {
        assert_eq!(Settings::parse("20-rename", "{}"), Ok(Settings::of("20-rename")));
        assert_eq!(Settings::of("20-rename").order, 20);
        assert_eq!(Settings::of("rename").order, ORDER);
        let given = r#"{"order": -1, "contexts": ["a-*"], "on_error": "dead-letter", "memory": true}"#;
        let given = Settings::parse("rename", given).unwrap();
        assert_eq!(Settings::parse("x", &given.to_json()), Ok(given));
        assert!(Settings::parse("rename", r#"{"contexts": [""]}"#).unwrap_err().contains("1 to 200"));
        assert!(Settings::parse("rename", r#"{"on_error": "explode"}"#).unwrap_err().contains("dead-letter"));
        assert!(Settings::parse("rename", r#"{"ordre": 1}"#).unwrap_err().contains("ordre"));
    }
}
