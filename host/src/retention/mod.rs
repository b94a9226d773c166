//! How long timelines are kept: the rules, and the housekeeping that follows them.

mod housekeeper;
mod rules;

pub use housekeeper::Housekeeper;
pub use rules::{Limits, Rule, Rules, Seconds};
