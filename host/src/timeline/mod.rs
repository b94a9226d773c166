//! Analysis of runs. Pure: events in, values out; no I/O, no clock.

mod rows;

pub use rows::{Grouping, Row, RowKind, rows};
