//! The upto report and its encodings: MessagePack datagrams and JSON.
//!
//! No I/O, no clock, no runtime. A decoder borrows its text from the bytes that it was given; work and memory are
//! bounded by the length of the input, whatever lengths the input claims. `docs/wire.md` specifies the format.
//!
//! Decoding and checking are two steps: [`msgpack::reports`] and [`json`] say what the bytes mean, and
//! [`Report::check`] says whether upto takes it (limits, required fields) and puts its name into normal form.

mod builder;
mod error;
pub mod json;
pub mod msgpack;
mod report;
mod time;

pub use error::{Refusal, WireError};
pub use report::{Kind, Labels, Report, Status, limits};
pub use time::Time;
