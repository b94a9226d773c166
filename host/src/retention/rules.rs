//! The rules of `[[retention]]` in upto.toml.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::glob::Contexts;
use crate::store::Keep;

/// The longest that a rule can say: some 54 years, which every store can count in seconds.
const LONGEST_S: u32 = 20_000 * 86_400;

/// A length of time of whole seconds, 1 s to 20,000 days, written such as `90d`, `36h` or `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(u32);

impl Seconds {
    /// Reads what people write.
    ///
    /// # Errors
    /// A sentence about text that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let span = text.parse::<Span>();
        let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
        let Ok(duration) = duration else {
            return Err(format!("{text:?} is no length of time: write it such as 90d, 36h or 10m"));
        };
        match u32::try_from(duration.as_secs()) {
            Ok(seconds @ 1..=LONGEST_S) if duration.subsec_nanos() == 0 => Ok(Seconds(seconds)),
            _ => Err(format!("{text:?} is not from 1s to 20000d, in whole seconds")),
        }
    }
}

impl From<Seconds> for Duration {
    fn from(Seconds(seconds): Seconds) -> Self {
        Duration::from_secs(seconds.into())
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Seconds::parse(&text).map_err(D::Error::custom),
            other => Err(D::Error::custom(format!("{other} is no length of time: write it such as \"90d\""))),
        }
    }
}

/// What is to become of the timelines of some contexts. What is left out is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which contexts: at least one glob.
    #[serde(deserialize_with = "some_contexts")]
    contexts: Contexts,
    /// A timeline that has received nothing for so long is deleted.
    max_age: Option<Seconds>,
    /// Older timelines than so many of the newest are deleted.
    max_timelines: Option<NonZeroU32>,
    /// What still runs in a timeline that has received nothing for so long is unfinished.
    abandon_after: Option<Seconds>,
}

/// A rule deletes: so it must name what it is for.
fn some_contexts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Contexts, D::Error> {
    let globs: Vec<String> = Vec::deserialize(deserializer)?;
    if globs.is_empty() {
        return Err(D::Error::custom("contexts names none: [\"*\"] means all"));
    }
    Contexts::new(globs).map_err(D::Error::custom)
}

/// What the rules say of one context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Which of its timelines are kept.
    pub keep: Keep,
    /// Seconds after which a silent one is given up, where they say so.
    pub abandon_after_s: Option<u32>,
}

/// The rules, in order: the first one that names a context holds for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What holds for a context: nothing, where no rule names it.
    pub fn of(&self, context: &str) -> Limits {
        let rule = self.0.iter().find(|rule| rule.contexts.contains(context));
        rule.map_or_else(Limits::default, |rule| Limits {
            keep: Keep {
                silent_s: rule.max_age.map(|Seconds(seconds)| seconds),
                newest: rule.max_timelines.map(NonZeroU32::get),
            },
            abandon_after_s: rule.abandon_after.map(|Seconds(seconds)| seconds),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, seconds) in
            [("90d", 7_776_000), ("36h", 129_600), ("10m", 600), ("1s", 1), ("1h 30m", 5_400), ("2 weeks", 1_209_600)]
        {
            assert_eq!(Seconds::parse(text), Ok(Seconds(seconds)), "{text}");
        }
        assert_eq!(Seconds::parse("20000d"), Ok(Seconds(LONGEST_S)));
        for text in ["0s", "20001d", "-5d", "1500ms", "2d ago"] {
            assert!(Seconds::parse(text).unwrap_err().contains("1s to 20000d"), "{text}");
        }
        for text in ["", "90", "d", "90 parsecs", "1 month", "1y"] {
            assert!(Seconds::parse(text).unwrap_err().contains("is no length of time"), "{text}");
        }
    }

    /// The rules in a file.
    pub fn rules(text: &str) -> Rules {
        #[derive(Deserialize)]
        struct File {
            retention: Rules,
        }
        toml::from_str::<File>(text).unwrap().retention
    }

    #[test]
    fn the_first_rule_that_names_a_context_holds() {
        let rules = rules(
            "[[retention]]\ncontexts = ['deploy-prod']\n\
             [[retention]]\ncontexts = ['deploy-*', 'build']\nmax_age = '90d'\nmax_timelines = 200\n\
             [[retention]]\ncontexts = ['*']\nabandon_after = '10m'",
        );
        let keep = Keep { silent_s: Some(7_776_000), newest: Some(200) };
        for (context, wanted) in [
            ("deploy-prod", Limits::default()),
            ("deploy-test", Limits { keep, abandon_after_s: None }),
            ("build", Limits { keep, abandon_after_s: None }),
            ("other", Limits { keep: Keep::default(), abandon_after_s: Some(600) }),
        ] {
            assert_eq!(rules.of(context), wanted, "{context}");
        }
        assert_eq!(Rules::default().of("deploy"), Limits::default());
    }
}
