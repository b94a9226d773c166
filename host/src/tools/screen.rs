//! What the tools show: lines, and differences with colours where a person looks.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::functions::diff;

/// Where a tool writes to.
pub struct Screen {
    out: Box<dyn Write>,
    colour: bool,
}

impl Screen {
    /// Standard output; in colour if it is a terminal and `NO_COLOR` is not set.
    pub fn stdout() -> Screen {
        let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Screen { out: Box::new(io::stdout()), colour }
    }

    /// A line.
    pub fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// The lines of a difference, below the line that says of what: green for what is new, red for what is gone.
    pub fn difference(&mut self, difference: &str) -> io::Result<()> {
        for line in diff::indented(difference).lines() {
            match (self.colour, line.trim_start().as_bytes().first()) {
                (true, Some(b'+')) => writeln!(self.out, "\x1b[32m{line}\x1b[0m")?,
                (true, Some(b'-')) => writeln!(self.out, "\x1b[31m{line}\x1b[0m")?,
                _ => writeln!(self.out, "{line}")?,
            }
        }
        Ok(())
    }
}

/// A number with the word for what it counts.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
