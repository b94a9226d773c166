//! upto: shows what a many-step process on many machines is up to. `ARCHITECTURE.md` is the map.

pub mod access;
pub mod api;
mod assets;
pub mod batch;
mod clock;
pub mod config;
mod demo;
pub mod event;
pub mod functions;
mod glob;
pub mod ingest;
pub mod pipeline;
pub mod retention;
pub mod store;
pub mod telemetry;
pub mod timeline;
pub mod tools;
pub mod transform;
