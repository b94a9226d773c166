//! The wall clock: the one place that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use upto_wire::Time;

/// Now, to the microsecond. A clock before 1970 reads as 1970.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(since.as_micros() as i64)
}
