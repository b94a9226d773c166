//! Differences as text, for people.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// How long the shortest difference is looked for; then a longer one is told.
const TIME: Duration = Duration::from_millis(500);

/// The lines in which two lists of JSON values differ, `-` before those of the first and `+` before those of the second,
/// with all lines that are the same; empty where there is no difference.
pub fn values(before: &[Value], after: &[Value]) -> String {
    match before == after {
        true => String::new(),
        false => lines(&pretty(before), &pretty(after)),
    }
}

/// Two texts line by line, with all lines that are the same.
pub fn lines(before: &str, after: &str) -> String {
    let mut text = String::new();
    for change in by_line(before, after).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        // Writing to a String can't fail.
        let _ = write!(text, "{sign} {change}");
    }
    text
}

/// Two texts as a unified diff with three lines of context; empty where they are the same.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    match before == after {
        true => String::new(),
        false => by_line(before, after).unified_diff().header(name, name).to_string(),
    }
}

fn by_line<'a>(before: &'a str, after: &'a str) -> TextDiff<'a, 'a, str> {
    TextDiff::configure().timeout(TIME).diff_lines(before, after)
}

/// A difference as it is shown below the line that names what differs.
pub fn indented(difference: &str) -> String {
    difference.lines().map(|line| format!("    {line}\n")).collect()
}

fn pretty(values: &[Value]) -> String {
    let text = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    values.iter().map(text).collect()
}
