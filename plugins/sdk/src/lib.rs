//! The SDK for upto's functions in Rust.
//!
//! A function is a component for the world of `plugins/wit`. With this crate it is a library crate (`crate-type =
//! ["cdylib"]`) that names one Rust function and is built for `wasm32-wasip2`:
//!
//! ```ignore
//! use upto_plugin::{Outcome, Report};
//!
//! upto_plugin::function!(lower);
//!
//! fn lower(mut report: Report) -> Outcome {
//!     report.name = report.name.to_lowercase();
//!     Outcome::Replace(report)
//! }
//! ```
//!
//! It may also return `Option<Report>` (`None` drops the report), `Vec<Report>`, or a `Result` of any of these, whose
//! error fails the report: it goes on unchanged, and the failure is counted.
//!
//! A panic fails the report as well. What is written to stdout and stderr becomes lines of the host's log. There are no
//! files, no network and no arguments; clocks stand still and random numbers are always the same.

/// The bindings to `plugins/wit`, as they are generated.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "function",
        pub_export_macro: true,
        default_bindings_module: "upto_plugin::bindings",
        additional_derives: [PartialEq, Clone],
    });
}

use std::fmt::Display;

pub use bindings::upto::transform::host::Level;
pub use bindings::upto::transform::types::{Kind, Outcome, Report, Status};

/// The value of a key in a lookup table of the host.
///
/// A table that does not exist ends the call: the report fails, with a message that names the table.
pub fn lookup(table: &str, key: &str) -> Option<String> {
    bindings::upto::transform::host::lookup(table, key)
}

/// Writes a line to the host's log: at most 1,024 bytes, and 20 lines a second.
pub fn log(level: Level, text: &str) {
    bindings::upto::transform::host::log(level, text);
}

/// What a function may return.
pub trait IntoOutcome {
    /// The outcome that it means.
    fn into_outcome(self) -> Outcome;
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Outcome {
        self
    }
}

impl IntoOutcome for Report {
    fn into_outcome(self) -> Outcome {
        Outcome::Replace(self)
    }
}

impl IntoOutcome for Option<Report> {
    fn into_outcome(self) -> Outcome {
        self.map_or(Outcome::Drop, Outcome::Replace)
    }
}

impl IntoOutcome for Vec<Report> {
    fn into_outcome(self) -> Outcome {
        Outcome::Expand(self)
    }
}

impl<T: IntoOutcome, E: Display> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Outcome {
        self.map_or_else(|error| Outcome::Fail(error.to_string()), T::into_outcome)
    }
}

/// Makes a Rust function from [`Report`] to anything that is [`IntoOutcome`] the component's function.
#[macro_export]
macro_rules! function {
    ($function:path) => {
        struct UptoFunction;

        impl $crate::bindings::Guest for UptoFunction {
            fn transform(reports: Vec<$crate::Report>) -> Vec<$crate::Outcome> {
                reports.into_iter().map(|report| $crate::IntoOutcome::into_outcome($function(report))).collect()
            }
        }

        $crate::bindings::export!(UptoFunction with_types_in $crate::bindings);
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_functions_return_means_an_outcome() {
        assert!(matches!(None::<Report>.into_outcome(), Outcome::Drop));
        assert!(matches!(Vec::<Report>::new().into_outcome(), Outcome::Expand(list) if list.is_empty()));
        assert!(matches!(Err::<Outcome, _>("no").into_outcome(), Outcome::Fail(reason) if reason == "no"));
        assert!(matches!(Ok::<_, String>(Outcome::Keep).into_outcome(), Outcome::Keep));
    }
}
