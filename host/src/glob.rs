//! Contexts as settings name them: by globs. Pure.

/// Globs in one place.
const GLOBS: usize = 64;
/// Bytes of one glob.
const GLOB: usize = 200;

/// Contexts, by globs: `*` stands for any text, `?` for one character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contexts(Vec<String>);

impl Contexts {
    /// Those that any of the globs matches; all, where there is none.
    ///
    /// # Errors
    /// A sentence about what can't be used: more than 64 globs, an empty one, or one of more than 200 bytes.
    pub fn new(globs: Vec<String>) -> Result<Self, String> {
        if globs.len() > GLOBS {
            return Err(format!("there are {} globs of contexts; at most {GLOBS} may be given", globs.len()));
        }
        match globs.iter().find(|glob| glob.is_empty() || glob.len() > GLOB) {
            Some(glob) => {
                Err(format!("the glob of contexts {glob:?} has {} bytes; it must have 1 to {GLOB}", glob.len()))
            }
            None => Ok(Contexts(globs)),
        }
    }

    /// The globs.
    pub fn globs(&self) -> &[String] {
        &self.0
    }

    /// Whether all contexts are meant.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this context is meant.
    pub fn contains(&self, context: &str) -> bool {
        self.is_all() || self.0.iter().any(|glob| matches(glob, context))
    }
}

/// Whether a glob matches the whole of a text. Takes time of the product of their lengths at the worst.
fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    // Where the last star stood, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(&c) if c == '?' || c == text[from] => (at, from) = (at + 1, from + 1),
            _ => match &mut star {
                Some((begin, taken)) => {
                    *taken += 1;
                    (at, from) = (*begin + 1, *taken);
                }
                None => return false,
            },
        }
    }
    glob[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_contexts() {
        for (glob, text, wanted) in [
            ("deploy-*", "deploy-shop", true),
            ("deploy-*", "deploy-", true),
            ("deploy-*", "predeploy-shop", false),
            ("*shop*", "deploy of shop 2", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("b?u", "bäu", true),
            ("b?u", "bu", false),
            ("*", "", true),
            ("plain", "plain", true),
            ("plain", "plainer", false),
        ] {
            assert_eq!(matches(glob, text), wanted, "{glob} {text}");
        }
    }
}
