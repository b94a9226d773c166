//! What surrounds functions: their cases.

pub mod cases;
