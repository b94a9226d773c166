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
//! With [`receiver!`] it names a function that makes reports of webhooks and of datagrams in foreign formats.
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

    /// Those of the other entry point, with the same reports. A request has its fields flattened in the generated code.
    #[allow(clippy::too_many_arguments)]
    pub mod receiver {
        wit_bindgen::generate!({
            path: "../wit",
            world: "receiver",
            with: {
                "upto:transform/types@0.1.0": super::upto::transform::types,
                "upto:transform/host@0.1.0": super::upto::transform::host,
            },
            pub_export_macro: true,
            export_macro_name: "export_receiver",
            default_bindings_module: "upto_plugin::bindings::receiver",
            additional_derives: [PartialEq, Clone],
        });
    }
}

use std::fmt::Display;

pub use bindings::receiver::upto::transform::requests::{Rejection, Request};
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

/// HMAC-SHA-256 of some bytes with the secret of that name, in lower-case hexadecimal digits. The secret stays with the
/// host. One that does not exist ends the call, as a missing table does.
pub fn secret_hmac_sha256(secret: &str, data: &[u8]) -> String {
    bindings::upto::transform::host::secret_hmac_sha256(secret, data)
}

/// Whether the secret of that name is this text, compared in constant time.
pub fn secret_equals(secret: &str, text: &str) -> bool {
    bindings::upto::transform::host::secret_equals(secret, text)
}

/// The value of the first of some headers or parameters that has this name.
pub fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
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

/// Makes a Rust function from [`Request`] to `Result<Vec<Report>, Rejection>` the component's function for webhooks and
/// foreign datagrams. A component may have this, [`function!`], or both.
#[macro_export]
macro_rules! receiver {
    ($receiver:path) => {
        struct UptoReceiver;

        impl $crate::bindings::receiver::Guest for UptoReceiver {
            fn receive(request: $crate::Request) -> Result<Vec<$crate::Report>, $crate::Rejection> {
                $receiver(request)
            }
        }

        $crate::bindings::receiver::export_receiver!(UptoReceiver with_types_in $crate::bindings::receiver);
    };
}

/// A message is a failure of the function.
impl From<String> for Rejection {
    fn from(message: String) -> Self {
        Rejection::Fail(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_and_messages_are_failures() {
        let headers = [("x-token".to_owned(), "a".to_owned())];
        assert_eq!((value(&headers, "x-token"), value(&headers, "x-other")), (Some("a"), None));
        let fails = || -> Result<(), Rejection> { Err("no".to_owned())? };
        assert!(matches!(fails(), Err(Rejection::Fail(message)) if message == "no"));
    }

    #[test]
    fn what_functions_return_means_an_outcome() {
        assert!(matches!(None::<Report>.into_outcome(), Outcome::Drop));
        assert!(matches!(Vec::<Report>::new().into_outcome(), Outcome::Expand(list) if list.is_empty()));
        assert!(matches!(Err::<Outcome, _>("no").into_outcome(), Outcome::Fail(reason) if reason == "no"));
        assert!(matches!(Ok::<_, String>(Outcome::Keep).into_outcome(), Outcome::Keep));
    }
}
