//! What end-to-end tests and benchmarks of upto need: real servers to run it against.

pub mod components;
pub mod disk;
pub mod hal;
pub mod haproxy;
pub mod load;
pub mod oracle;
pub mod pgbouncer;
pub mod postgres;
pub mod proxy;
pub mod redis;
pub mod server;
mod service;
pub mod stream;
