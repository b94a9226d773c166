//! Lines that functions log: limited, made harmless, and passed to the host's own log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of one line; what is longer is cut.
pub const LINE_BYTES: usize = 1_024;
/// Lines that one function may log in a second, all threads together; the rest is counted.
pub const LINES_PER_SECOND: u32 = 20;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Of use to the author.
    Debug,
    /// Of use to the operator.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

impl Level {
    /// The level of this name, in lower case.
    pub fn of(name: &str) -> Option<Level> {
        Some(match name {
            "debug" => Level::Debug,
            "info" => Level::Info,
            "warn" => Level::Warn,
            "error" => Level::Error,
            _ => return None,
        })
    }
}

/// The log of one function.
#[derive(Debug)]
pub struct Log {
    function: String,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    start: Instant,
    lines: u32,
    suppressed: u64,
}

impl Log {
    /// A log whose lines carry this name.
    pub fn new(function: &str) -> Self {
        let window = Window { start: Instant::now(), lines: 0, suppressed: 0 };
        Log { function: function.to_owned(), window: Mutex::new(window) }
    }

    /// Logs a line, unless there were too many within the second.
    pub fn line(&self, level: Level, text: &str) {
        let Some(suppressed) = self.admit() else { return };
        let function = self.function.as_str();
        if suppressed > 0 {
            tracing::warn!(target: "upto::function", function, suppressed, "logs too much; lines were left out");
        }
        let text = harmless(text);
        match level {
            Level::Debug => tracing::debug!(target: "upto::function", function, "{text}"),
            Level::Info => tracing::info!(target: "upto::function", function, "{text}"),
            Level::Warn => tracing::warn!(target: "upto::function", function, "{text}"),
            Level::Error => tracing::error!(target: "upto::function", function, "{text}"),
        }
    }

    /// `Some` where the line may be logged, with the number of lines that were left out before it.
    fn admit(&self) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.start.elapsed() >= Duration::from_secs(1) {
            window.start = Instant::now();
            window.lines = 0;
        }
        if window.lines == LINES_PER_SECOND {
            window.suppressed += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.suppressed))
    }
}

/// At most [`LINE_BYTES`] of text; characters that steer a terminal or turn the direction of writing are escaped.
fn harmless(text: &str) -> String {
    let cut = &text[..text.floor_char_boundary(LINE_BYTES)];
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(cut.len());
    for c in cut.chars() {
        match steers(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    if cut.len() < text.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_and_can_not_steer_a_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\nc\u{202e}d"), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(harmless(&"é".repeat(1_000)).len(), LINE_BYTES + '…'.len_utf8());
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted() {
        let log = Log::new("chatty");
        assert_eq!((0..LINES_PER_SECOND).filter_map(|_| log.admit()).count(), LINES_PER_SECOND as usize);
        assert_eq!((log.admit(), log.admit()), (None, None));
        log.window.lock().unwrap().start -= Duration::from_secs(2);
        assert_eq!(log.admit(), Some(2));
    }
}
