//! What surrounds functions: their cases.

pub mod cases;

#[cfg(test)]
mod tests;
