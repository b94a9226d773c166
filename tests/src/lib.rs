//! What end-to-end tests and benchmarks of upto need: real servers to run it against.

pub mod bomb;
pub mod hal;
pub mod pgbouncer;
pub mod postgres;
pub mod redis;
pub mod server;
mod service;
pub mod stream;
