//! What surrounds functions: their cases, checking them before they go live, deploying and versioning them.

pub mod cases;
pub mod check;
pub mod deploy;
pub mod diff;
mod limits;
mod load;
pub mod registry;

#[cfg(test)]
mod tests;

pub use registry::{Known, Registered, Registry};

use serde::{Deserialize, Serialize};

/// A canary that was ended because it failed too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// The version.
    pub version: u32,
    /// A sentence.
    pub reason: String,
    /// When, in RFC 3339.
    pub at: String,
}
