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
//!     report.name = report.name.to_lowercase().into();
//!     Outcome::Replace(report)
//! }
//! ```
//!
//! The texts of a report are borrowed from the batch until a function sets others, and only what it set goes back.
//!
//! It may also return `Option<Report>` (`None` drops the report), `Vec<Report>`, or a `Result` of any of these, whose
//! error fails the report: that is counted, and the function's settings say what becomes of the report.
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
        additional_derives: [PartialEq],
    });

    /// Those of the other entry point. A request has its fields flattened in the generated code.
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

#[cfg(any(test, target_arch = "wasm32"))]
mod alloc;
mod batch;
mod known;
mod receive;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: alloc::Blocks = alloc::Blocks::new();

use std::borrow::Cow;
use std::fmt::Display;

#[doc(hidden)]
pub use batch::transform;
pub use bindings::upto::transform::host::Level;
pub use bindings::upto::transform::types::{Kind, Status};
#[doc(hidden)]
pub use receive::receive;
pub use receive::{Rejection, Request, value};

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report<'a> {
    /// The kind of process.
    pub context: Cow<'a, str>,
    /// Dotted path of the step; empty for a `new` without one.
    pub name: Cow<'a, str>,
    /// What it says.
    pub kind: Kind,
    /// Microseconds since 1970-01-01T00:00:00Z; none for the time of receipt.
    pub time: Option<i64>,
    /// Where it happened; empty for nowhere in particular.
    pub host: Cow<'a, str>,
    /// The name of the timeline meant; none is the active one.
    pub timeline: Option<Cow<'a, str>>,
    /// How the step ended; on an end or a point only.
    pub status: Option<Status>,
    /// Its labels. Most reports of a batch have the same ones; `to_mut` gives one labels of its own.
    pub labels: Cow<'a, [Label<'a>]>,
}

/// Key and value of a label.
pub type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Labels as the contract has them.
fn owned(labels: Cow<'_, [Label<'_>]>) -> Vec<(String, String)> {
    labels.into_owned().into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

/// What becomes of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<'a> {
    /// It goes on as it is.
    Keep,
    /// It is dropped.
    Drop,
    /// Another takes its place. What is the same in both costs nothing.
    Replace(Report<'a>),
    /// Several take its place, at most 100.
    Expand(Vec<Report<'a>>),
    /// The function could not deal with it: that is counted, and its settings say what becomes of the report.
    Fail(String),
}

/// The value of a key in a lookup table of the host. It is the same throughout a call, whatever becomes of the table.
///
/// A table that does not exist ends the call: the report fails, with a message that names the table.
pub fn lookup(table: &str, key: &str) -> Option<String> {
    known::lookup(table, key, bindings::upto::transform::host::lookup)
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

/// What a function may return.
pub trait IntoOutcome<'a> {
    /// The outcome that it means.
    fn into_outcome(self) -> Outcome<'a>;
}

impl<'a> IntoOutcome<'a> for Outcome<'a> {
    fn into_outcome(self) -> Outcome<'a> {
        self
    }
}

impl<'a> IntoOutcome<'a> for Report<'a> {
    fn into_outcome(self) -> Outcome<'a> {
        Outcome::Replace(self)
    }
}

impl<'a> IntoOutcome<'a> for Option<Report<'a>> {
    fn into_outcome(self) -> Outcome<'a> {
        self.map_or(Outcome::Drop, Outcome::Replace)
    }
}

impl<'a> IntoOutcome<'a> for Vec<Report<'a>> {
    fn into_outcome(self) -> Outcome<'a> {
        Outcome::Expand(self)
    }
}

impl<'a, T: IntoOutcome<'a>, E: Display> IntoOutcome<'a> for Result<T, E> {
    fn into_outcome(self) -> Outcome<'a> {
        self.map_or_else(|error| Outcome::Fail(error.to_string()), T::into_outcome)
    }
}

/// Makes a Rust function from [`Report`] to anything that is [`IntoOutcome`] the component's function.
#[macro_export]
macro_rules! function {
    ($function:path) => {
        struct UptoFunction;

        impl $crate::bindings::Guest for UptoFunction {
            fn transform(batch: $crate::bindings::Batch) -> Vec<$crate::bindings::Outcome> {
                $crate::transform(&batch, |report| $crate::IntoOutcome::into_outcome($function(report)))
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
            fn receive(
                request: $crate::Request,
            ) -> Result<Vec<$crate::bindings::receiver::Report>, $crate::Rejection> {
                $crate::receive(request, $receiver)
            }
        }

        $crate::bindings::receiver::export_receiver!(UptoReceiver with_types_in $crate::bindings::receiver);
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_functions_return_means_an_outcome() {
        assert!(matches!(None::<Report<'_>>.into_outcome(), Outcome::Drop));
        assert!(matches!(Vec::<Report<'_>>::new().into_outcome(), Outcome::Expand(list) if list.is_empty()));
        assert!(matches!(Err::<Outcome<'_>, _>("no").into_outcome(), Outcome::Fail(reason) if reason == "no"));
        assert!(matches!(Ok::<_, String>(Outcome::Keep).into_outcome(), Outcome::Keep));
    }
}
