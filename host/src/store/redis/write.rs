//! What changes events: each is one call of `lua/write.lua`.

use super::{Redis, Result, value};
use crate::store::plan::groups;
use crate::store::{Batch, NewTimeline, Target, TimelineKey};

/// A target as the script takes it.
fn target(name: Option<&str>) -> String {
    name.map_or("a".to_owned(), |name| format!("n{name}"))
}

impl Redis {
    /// [`crate::store::Store::write`].
    pub(super) async fn write_batch(&self, batch: &Batch) -> Result<Vec<TimelineKey>> {
        if batch.changes.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.writing.arg("write");
        call.arg(value::time(batch.received_at)?);
        for group in groups(batch) {
            let name = match group.target {
                Target::Active => None,
                Target::Named(name) => Some(name.as_str()),
            };
            call.arg(group.context).arg(target(name)).arg(group.changes.len());
            for change in group.changes {
                call.arg(value::key(&change.key)?).arg(value::event(&change.event)?);
            }
        }
        let touched: Vec<(String, u32)> = self.server.run(&call).await?;
        let mut touched: Vec<_> =
            touched.into_iter().map(|(context, number)| TimelineKey { context, number }).collect();
        touched.sort();
        Ok(touched)
    }

    /// [`crate::store::Store::new_timeline`].
    pub(super) async fn make_or_find(&self, new: &NewTimeline) -> Result<TimelineKey> {
        let mut call = self.writing.arg("new_timeline");
        call.arg(&new.context).arg(target(new.name.as_deref())).arg(new.labels.as_str());
        call.arg(value::time(new.at)?).arg(value::time(new.received_at)?);
        let number = self.server.run(&call).await?;
        Ok(TimelineKey { context: new.context.clone(), number })
    }
}
