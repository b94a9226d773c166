//! What deletes, and what the housekeeping asks for: each is one call of `lua/housekeeping.lua`.

use std::time::Duration;

use super::{Redis, Result};
use crate::store::{Deleted, Keep, TimelineKey};

/// A number as the scripts take it: empty for none.
fn optional(number: Option<u32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

impl Redis {
    /// [`crate::store::Store::delete_timeline`].
    pub(super) async fn delete_events(&self, timeline: &TimelineKey, limit: u32) -> Result<Deleted> {
        let mut call = self.writing.arg("delete_timeline");
        let (events, gone) = self.server.run(call.arg(&timeline.context).arg(timeline.number).arg(limit)).await?;
        Ok(Deleted { events, gone })
    }

    /// [`crate::store::Store::delete_context`].
    pub(super) async fn delete_oldest(&self, context: &str, limit: u32) -> Result<bool> {
        self.server.run(self.writing.arg("delete_context").arg(context).arg(limit)).await
    }

    /// [`crate::store::Store::delete_empty_context`].
    pub(super) async fn delete_empty(&self, context: &str) -> Result<bool> {
        self.server.run(self.writing.arg("delete_empty_context").arg(context)).await
    }

    /// [`crate::store::Store::expired_timelines`].
    pub(super) async fn expired(&self, context: &str, keep: Keep, limit: u32) -> Result<Vec<TimelineKey>> {
        let mut call = self.writing.arg("expired_timelines");
        call.arg(context).arg(optional(keep.silent_s)).arg(optional(keep.newest)).arg(limit);
        let numbers: Vec<u32> = self.server.run(&call).await?;
        Ok(numbers.into_iter().map(|number| TimelineKey { context: context.to_owned(), number }).collect())
    }

    /// [`crate::store::Store::set_abandon_after`].
    pub(super) async fn give_up_after(&self, context: &str, seconds: Option<u32>) -> Result<()> {
        self.server.run(self.writing.arg("set_abandon_after").arg(context).arg(optional(seconds))).await
    }

    /// [`crate::store::Store::claim_housekeeping`].
    pub(super) async fn claim(&self, holder: &str, lease: Duration) -> Result<bool> {
        let lease_ms = lease.as_millis() as u64;
        self.server.run(self.writing.arg("claim_housekeeping").arg(holder).arg(lease_ms)).await
    }
}
