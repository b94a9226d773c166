//! What an instance remembers of the ids of contexts, texts and sets of functions. Ids never change while the context's row
//! exists and has the same generation, so a store checks that one row in each write and forgets the context where it does not.
//! Sets are never deleted.

use std::sync::Once;

use hashbrown::HashMap;

/// Texts and sets that are remembered before all are forgotten and learnt again: some 40 MB with names of a usual length.
const CAPACITY: usize = 250_000;

/// Ids of contexts, and of the names and hosts in them.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    contexts: HashMap<Box<str>, Context>,
    texts: usize,
    function_sets: HashMap<Box<str>, i16>,
}

/// What is remembered of one context.
#[derive(Debug)]
pub(super) struct Context {
    id: i32,
    generation: i32,
    texts: HashMap<Box<str>, i32>,
}

impl Context {
    /// Its id.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The generation under which its texts were learnt.
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// The id of a text in it, if remembered. Empty text is [`NO_HOST`].
    pub fn text(&self, text: &str) -> Option<i32> {
        match text.is_empty() {
            true => Some(NO_HOST),
            false => self.texts.get(text).copied(),
        }
    }
}

/// The id that stands for "no host"; no text has it.
pub(super) const NO_HOST: i32 = 0;
/// The id that stands for "no function"; no set has it.
pub(super) const NO_FUNCTIONS: i16 = 0;
/// The last id that a set can have.
pub(super) const LAST_FUNCTION_SET: i16 = i16::MAX;

impl Dictionary {
    /// A context, if remembered.
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.get(name)
    }

    /// Remembers a context. Under a new id or generation its texts are unknown again.
    pub fn learn_context(&mut self, name: &str, id: i32, generation: i32) {
        if self.context(name).is_none_or(|context| (context.id, context.generation) != (id, generation)) {
            self.forget(name);
            self.contexts.insert(name.into(), Context { id, generation, texts: HashMap::new() });
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

    /// The id of a set of functions, if remembered. Empty text is [`NO_FUNCTIONS`].
    pub fn function_set(&self, functions: &str) -> Option<i16> {
        match functions.is_empty() {
            true => Some(NO_FUNCTIONS),
            false => self.function_sets.get(functions).copied(),
        }
    }

    /// Remembers a set of functions. Where there is no id left for it, it is as none from now on.
    pub fn learn_function_set(&mut self, functions: &str, id: Option<i16>) {
        static TOLD: Once = Once::new();
        if id.is_none() {
            TOLD.call_once(|| {
                tracing::warn!(
                    "events no longer tell which functions changed them: the store has {LAST_FUNCTION_SET} sets of versions, \
                     and room for no more"
                );
            });
        }
        self.function_sets.insert(functions.into(), id.unwrap_or(NO_FUNCTIONS));
    }

    /// Forgets one context.
    pub fn forget(&mut self, context: &str) {
        if let Some(context) = self.contexts.remove(context) {
            self.texts -= context.texts.len();
        }
    }

    /// Forgets everything if it has grown too large. Called between writes, so that within one nothing is lost.
    pub fn trim(&mut self) {
        if self.texts + self.contexts.len() + self.function_sets.len() > CAPACITY {
            *self = Dictionary::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_under_a_new_id_or_generation_has_no_texts() {
        let mut dictionary = Dictionary::default();
        dictionary.learn_context("deploy", 1, 0);
        dictionary.learn_text("deploy", "db", 7);
        dictionary.learn_context("deploy", 1, 0);
        let context = dictionary.context("deploy").unwrap();
        assert_eq!((context.text("db"), context.text("")), (Some(7), Some(NO_HOST)));
        for (id, generation) in [(2, 0), (2, 1)] {
            dictionary.learn_context("deploy", id, generation);
            let context = dictionary.context("deploy").unwrap();
            assert_eq!((context.id(), context.generation(), context.text("db")), (id, generation, None));
            dictionary.learn_text("deploy", "db", 8);
        }
        dictionary.forget("deploy");
        assert_eq!(dictionary.texts, 0);
    }

    #[test]
    fn its_size_is_bounded() {
        let mut dictionary = Dictionary::default();
        dictionary.learn_context("deploy", 1, 0);
        for id in 0..CAPACITY as i32 {
            dictionary.learn_text("deploy", &id.to_string(), id + 1);
        }
        assert!(dictionary.context("deploy").is_some());
        dictionary.trim();
        assert!(dictionary.context("deploy").is_none());
    }
}
