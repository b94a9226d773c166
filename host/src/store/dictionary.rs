//! What an instance remembers of the ids of contexts and texts. Ids never change while the context's row exists, so a
//! store checks that one row in each write and forgets the context where it is gone.

use std::collections::HashMap;

/// Texts that are remembered before all are forgotten and learnt again: some 40 MB with names of a usual length.
const CAPACITY: usize = 250_000;

/// Ids of contexts, and of the names and hosts in them.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    contexts: HashMap<Box<str>, Context>,
    texts: usize,
}

#[derive(Debug)]
struct Context {
    id: i32,
    texts: HashMap<Box<str>, i32>,
}

/// The id that stands for "no host"; no text has it.
pub(super) const NO_HOST: i32 = 0;

impl Dictionary {
    /// The id of a context, if remembered.
    pub fn context(&self, name: &str) -> Option<i32> {
        self.contexts.get(name).map(|context| context.id)
    }

    /// The id of a text in a context, if remembered. Empty text is [`NO_HOST`].
    pub fn text(&self, context: &str, text: &str) -> Option<i32> {
        match text.is_empty() {
            true => Some(NO_HOST),
            false => self.contexts.get(context)?.texts.get(text).copied(),
        }
    }

    /// Remembers a context. Under a new id its texts are unknown again.
    pub fn learn_context(&mut self, name: &str, id: i32) {
        if self.context(name) != Some(id) {
            self.forget(name);
            self.contexts.insert(name.into(), Context { id, texts: HashMap::new() });
        }
    }

    /// Remembers a text of a context that is remembered.
    pub fn learn_text(&mut self, context: &str, text: &str, id: i32) {
        if let Some(context) = self.contexts.get_mut(context)
            && context.texts.insert(text.into(), id).is_none()
        {
            self.texts += 1;
        }
    }

    /// Forgets one context.
    pub fn forget(&mut self, context: &str) {
        if let Some(context) = self.contexts.remove(context) {
            self.texts -= context.texts.len();
        }
    }

    /// Forgets everything if it has grown too large. Called between writes, so that within one nothing is lost.
    pub fn trim(&mut self) {
        if self.texts + self.contexts.len() > CAPACITY {
            *self = Dictionary::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_under_a_new_id_has_no_texts() {
        let mut dictionary = Dictionary::default();
        dictionary.learn_context("deploy", 1);
        dictionary.learn_text("deploy", "db", 7);
        dictionary.learn_context("deploy", 1);
        assert_eq!(dictionary.text("deploy", "db"), Some(7));
        assert_eq!(dictionary.text("deploy", ""), Some(NO_HOST));
        dictionary.learn_context("deploy", 2);
        assert_eq!((dictionary.context("deploy"), dictionary.text("deploy", "db")), (Some(2), None));
        assert_eq!(dictionary.texts, 0);
    }

    #[test]
    fn its_size_is_bounded() {
        let mut dictionary = Dictionary::default();
        dictionary.learn_context("deploy", 1);
        for id in 0..CAPACITY as i32 {
            dictionary.learn_text("deploy", &id.to_string(), id + 1);
        }
        assert!(dictionary.context("deploy").is_some());
        dictionary.trim();
        assert_eq!(dictionary.context("deploy"), None);
    }
}
