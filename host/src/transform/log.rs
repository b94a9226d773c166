//! Lines that functions log: limited, made harmless, kept for whoever asks, and passed to the host's own log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::clock;

/// Bytes of one line; what is longer is cut.
pub const LINE_BYTES: usize = 1_024;
/// Lines that one function may log in a second, all threads together; the rest is counted.
pub const LINES_PER_SECOND: u32 = 20;
/// Lines of one function that are kept.
pub const LINES_KEPT: usize = 500;

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

impl Level {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// A line that was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Grows by one with each line of a function, from the time in µs at which its journal was begun: whoever asks for what
    /// follows gets it though the instance began anew.
    pub seq: u64,
    /// When.
    pub at: SystemTime,
    /// The version that logged it.
    pub version: u32,
    /// How much it matters.
    pub level: Level,
    /// What it says, made harmless.
    pub text: String,
}

/// The newest lines of one function, of all its versions.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    lines: VecDeque<Line>,
    last: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Kept { lines: VecDeque::new(), last: clock::now().micros() as u64 }
    }
}

impl Journal {
    /// The lines after the one of this number, oldest first; at most [`LINES_KEPT`]. All where it is a number of another
    /// journal, whose clock went ahead.
    pub fn after(&self, seq: Option<u64>) -> Vec<Line> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seq = seq.filter(|seq| *seq <= kept.last);
        kept.lines.iter().filter(|line| seq.is_none_or(|seq| line.seq > seq)).cloned().collect()
    }

    fn keep(&self, version: u32, level: Level, text: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.lines.len() == LINES_KEPT {
            kept.lines.pop_front();
        }
        kept.last += 1;
        let line = Line { seq: kept.last, at: SystemTime::now(), version, level, text: text.to_owned() };
        kept.lines.push_back(line);
    }
}

/// The log of one version.
#[derive(Debug)]
pub struct Log {
    function: String,
    version: u32,
    journal: Arc<Journal>,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    start: Instant,
    lines: u32,
    suppressed: u64,
}

impl Log {
    /// A log whose lines carry this name and version, and are kept in the journal.
    pub fn new(function: &str, version: u32, journal: Arc<Journal>) -> Self {
        let window = Window { start: Instant::now(), lines: 0, suppressed: 0 };
        Log { function: function.to_owned(), version, journal, window: Mutex::new(window) }
    }

    /// Logs a line, unless there were too many within the second.
    pub fn line(&self, level: Level, text: &str) {
        let Some(suppressed) = self.admit() else { return };
        let function = self.function.as_str();
        if suppressed > 0 {
            tracing::warn!(target: "upto::function", function, suppressed, "logs too much; lines were left out");
        }
        let text = harmless(text, LINE_BYTES);
        self.journal.keep(self.version, level, &text);
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

/// At most `limit` bytes of text and a mark where it is cut; characters that steer a terminal or turn the direction of
/// writing, or that a store can't hold, are escaped.
pub(super) fn harmless(text: &str, limit: usize) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        let before = out.len();
        match steers(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
        if out.len() > limit {
            out.truncate(before);
            out.push('…');
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_and_can_not_steer_a_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\nc\u{202e}d", LINE_BYTES), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(harmless(&"é".repeat(1_000), LINE_BYTES).len(), LINE_BYTES + '…'.len_utf8());
        assert_eq!(harmless("\0\0\0", 11), "\\u{0}\\u{0}…", "what is escaped counts as it is written");
    }

    #[test]
    fn the_newest_lines_are_kept_in_order() {
        let journal = Journal::default();
        (0..LINES_KEPT + 3).for_each(|i| journal.keep(1, Level::Info, &i.to_string()));
        let lines = journal.after(None);
        assert_eq!((lines.len(), lines[0].text.as_str()), (LINES_KEPT, "3"));
        let last = lines[0].seq + LINES_KEPT as u64 - 1;
        assert_eq!(journal.after(Some(last - 1)).iter().map(|line| line.seq).collect::<Vec<_>>(), [last]);
        assert_eq!(journal.after(Some(last + 1)).len(), LINES_KEPT);
        assert!(lines[0].seq > 1_700_000_000_000_000, "a journal begun later goes on from there");
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted() {
        let log = Log::new("chatty", 1, Arc::default());
        assert_eq!((0..LINES_PER_SECOND).filter_map(|_| log.admit()).count(), LINES_PER_SECOND as usize);
        assert_eq!((log.admit(), log.admit()), (None, None));
        log.window.lock().unwrap().start -= Duration::from_secs(2);
        assert_eq!(log.admit(), Some(2));
    }
}
