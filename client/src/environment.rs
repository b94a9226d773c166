//! The environment variables of the command.

/// The environment variables that this program reads. Empty ones count as not set.
#[derive(Default)]
pub struct Environment {
    /// `UPTO_URL`
    pub url: Option<String>,
    /// `UPTO_TOKEN`
    pub token: Option<String>,
    /// `UPTO_CONTEXT`
    pub context: Option<String>,
    /// `UPTO_FAIL`
    pub fail: bool,
    timeline: Option<String>,
    parent: Option<String>,
}

impl Environment {
    /// Reads them.
    pub fn read() -> Self {
        let variable = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        Environment {
            url: variable("UPTO_URL"),
            token: variable("UPTO_TOKEN"),
            context: variable("UPTO_CONTEXT"),
            timeline: variable("UPTO_TIMELINE"),
            parent: variable("UPTO_PARENT"),
            fail: variable("UPTO_FAIL").is_some_and(|value| !matches!(value.as_str(), "0" | "false")),
        }
    }

    /// `UPTO_TIMELINE`, for a report to this context.
    pub fn timeline_in(&self, context: &str) -> Option<&str> {
        self.timeline.as_deref().filter(|_| self.is_of(context))
    }

    /// `UPTO_PARENT`, for a report to this context.
    pub fn parent_in(&self, context: &str) -> Option<&str> {
        self.parent.as_deref().filter(|_| self.is_of(context))
    }

    /// Timeline and parent are those of a context: a report to another one has neither.
    fn is_of(&self, context: &str) -> bool {
        self.context.as_deref().is_none_or(|own| own == context)
    }
}
