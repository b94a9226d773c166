//! The fault suite: what breaks is broken on purpose, under load and again and again, and nothing that was acknowledged may
//! be lost or doubled. `make chaos` runs it at its full size, `make test` a short form. Seeds are fixed.

#![allow(clippy::print_stdout, reason = "each case ends with a line of figures")]

mod crashes;
mod datagrams;
mod disk;
mod many;
mod proxied;
mod refused;
mod stop;

use std::sync::LazyLock;

static FULL: LazyLock<bool> = LazyLock::new(|| std::env::var_os("UPTO_CHAOS").is_some_and(|size| size == "full"));

/// How much of something: in full, or in the short form.
fn size<T>(full: T, short: T) -> T {
    if *FULL { full } else { short }
}
