//! upto: shows what a many-step process on many machines is up to. `ARCHITECTURE.md` is the map.

pub mod event;
pub mod functions;
pub mod store;
pub mod transform;
