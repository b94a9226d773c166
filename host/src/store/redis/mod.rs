//! Redis 7 or newer: a store that any number of instances share, in the memory of one server.
//!
//! Whatever changes or reads more than one key is a script that runs on the server (`lua/`), one call for a batch: it looks at
//! everything first and writes then, so a batch is written whole or not at all. The scripts are sent by their SHA-1, and
//! once as a whole where the server does not know them. Changes of functions are seen by polling.
//!
//! All names of keys begin with `upto:`. `{C}` is the name of a context, `{F}` of a function, `{T}` of a table, N a number:
//!
//! | key | type | |
//! | --- | --- | --- |
//! | `upto:schema` | string | the version of this layout |
//! | `upto:contexts` | sorted set | names of contexts, all with the score 0, so in byte order |
//! | `upto:c:{C}:context` | hash | `created_at`, `latest`, `abandon_after_s` where it is set |
//! | `upto:c:{C}:timelines` | sorted set | numbers of timelines, which are their scores too |
//! | `upto:c:{C}:names` | hash | the number of a timeline by its name |
//! | `upto:c:{C}:N` | hash | a timeline: `name` if it has one, `labels`, `created_at`, `received_at`, `revision`, and what its events add up to: `running`, `failed`, `first`, `last` (the last two are missing while they are not known) |
//! | `upto:c:{C}:N:keys` | sorted set | its events as `name NUL host`, all with the score 0 |
//! | `upto:c:{C}:N:events` | hash | its events by the same keys, each as five lines (`lua/rule.lua`) |
//! | `upto:housekeeping` | string | whose turn the housekeeping is, until it expires |
//! | `upto:registry` | string | the revision of functions and tables |
//! | `upto:functions`, `upto:tables` | sorted sets | their names |
//! | `upto:f:{F}:function` | hash | `versions`, which outlives the function; `active`, `canary`, `rolled_back` |
//! | `upto:f:{F}:N` | hash | a version |
//! | `upto:letters` | sorted set | names of functions with dead letters |
//! | `upto:f:{F}:letters` | hash | dead letters by id, in JSON |
//! | `upto:f:{F}:letter_ids`, `…:letter_times` | sorted sets | their ids in byte order, and by time |
//! | `upto:t:{T}` | hash | a lookup table |
//!
//! Times are microseconds since 1970, those of events and timelines as 16 digits.

mod connect;
mod errors;
mod functions;
mod housekeeping;
mod letters;
mod read;
mod value;
mod write;

use std::time::Duration;

use ::redis::Script;
use async_trait::async_trait;

use super::{
    Batch, ContextRow, Deleted, Durability, Keep, NewTimeline, Result, Store, StoreError, TimelineKey, TimelineRef,
    TimelineRow,
};
use crate::event::{Event, EventKey};
use connect::Server;

/// A store on a Redis server.
pub(super) struct Redis {
    server: Server,
    /// What changes events.
    writing: Script,
    /// What reads them.
    reading: Script,
    /// What changes and reads functions, tables and dead letters.
    functions: Script,
}

/// A key of a context, as `of_context` in `rule.lua` names it.
fn of_context(context: &str, what: impl std::fmt::Display) -> String {
    format!("upto:c:{{{context}}}:{what}")
}

impl Redis {
    /// Connects to the server of a URL and sees that this upto can use what is there.
    pub async fn open(url: &str) -> Result<Self> {
        let server = Server::new(url)?;
        server.prepare().await?;
        let rule = include_str!("lua/rule.lua");
        let script = |rest: &[&str]| Script::new(&[&[rule], rest].concat().concat());
        Ok(Redis {
            server,
            writing: script(&[
                include_str!("lua/timelines.lua"),
                include_str!("lua/write.lua"),
                include_str!("lua/housekeeping.lua"),
            ]),
            reading: script(&[include_str!("lua/read.lua")]),
            functions: script(&[include_str!("lua/functions.lua")]),
        })
    }
}

#[async_trait]
impl Store for Redis {
    async fn write(&self, batch: &Batch) -> Result<Vec<TimelineKey>> {
        self.write_batch(batch).await
    }

    async fn new_timeline(&self, new: &NewTimeline) -> Result<TimelineKey> {
        self.make_or_find(new).await
    }

    async fn delete_timeline(&self, timeline: &TimelineKey, limit: u32) -> Result<Deleted> {
        self.delete_events(timeline, limit).await
    }

    async fn delete_context(&self, name: &str, limit: u32) -> Result<bool> {
        self.delete_oldest(name, limit).await
    }

    async fn delete_empty_context(&self, name: &str) -> Result<bool> {
        self.delete_empty(name).await
    }

    async fn expired_timelines(&self, context: &str, keep: Keep, limit: u32) -> Result<Vec<TimelineKey>> {
        self.expired(context, keep, limit).await
    }

    async fn set_abandon_after(&self, context: &str, seconds: Option<u32>) -> Result<()> {
        self.give_up_after(context, seconds).await
    }

    async fn claim_housekeeping(&self, holder: &str, lease: Duration) -> Result<bool> {
        self.claim(holder, lease).await
    }

    async fn contexts(&self, after: Option<&str>, limit: u32) -> Result<Vec<ContextRow>> {
        self.read_contexts(after.unwrap_or_default(), limit).await
    }

    async fn context(&self, name: &str) -> Result<Option<ContextRow>> {
        self.read_context(name).await
    }

    async fn timelines(&self, context: &str, before: Option<u32>, limit: u32) -> Result<Vec<TimelineRow>> {
        self.read_timelines(context, before, limit).await
    }

    async fn timeline(&self, context: &str, which: &TimelineRef) -> Result<Option<TimelineRow>> {
        self.read_timeline(context, which).await
    }

    async fn events(
        &self,
        timeline: &TimelineKey,
        after: Option<&EventKey>,
        limit: u32,
    ) -> Result<Vec<(EventKey, Event)>> {
        self.read_events(timeline, after, limit).await
    }

    async fn event(&self, timeline: &TimelineKey, key: &EventKey) -> Result<Option<Event>> {
        self.read_event(timeline, key).await
    }

    async fn revision(&self, timeline: &TimelineKey) -> Result<Option<u64>> {
        self.read_revision(timeline).await
    }

    async fn ping(&self) -> Result<()> {
        self.server.ping().await
    }

    async fn durability(&self) -> Result<Durability> {
        self.server.durability().await
    }
}
