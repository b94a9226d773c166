//! Pages by key: `limit` and the key after which a page begins. Never an offset.

use serde::Deserialize;

use super::hal::{Links, encode};
use super::problem::{Problem, Result};
use crate::event::EventKey;

/// Items of a page where nothing is asked for.
const DEFAULT_LIMIT: u32 = 100;
/// Items of a page at the most.
pub const MAX_LIMIT: u32 = 1_000;
/// Between name and host in the key of an event; neither can hold it.
const KEY_SEPARATOR: char = '\0';

/// The query of a collection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    limit: Option<u32>,
    after: Option<String>,
}

impl Paging {
    /// How many items the page may have.
    pub fn limit(&self) -> Result<u32> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(limit),
            limit => Err(Problem::bad_request(format!("limit is {limit}; use 1 to {MAX_LIMIT}"))),
        }
    }

    /// As asked for, with no more than so many items, [`DEFAULT_LIMIT`] or more, on a page.
    pub fn at_most(self, items: u32) -> Self {
        let limit = self.limit.map(|limit| if limit <= MAX_LIMIT { limit.min(items) } else { limit });
        Paging { limit, ..self }
    }

    /// The key after which the page begins, as text.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The key as a number, of a timeline or a version.
    pub fn after_number(&self) -> Result<Option<u32>> {
        let parse =
            |text: &str| text.parse().map_err(|_| Problem::bad_request("after is no number; follow the link \"next\""));
        self.after().map(parse).transpose()
    }

    /// The key as an event's.
    pub fn after_event(&self) -> Option<EventKey> {
        let (name, host) = self.after()?.split_once(KEY_SEPARATOR).unwrap_or((self.after()?, ""));
        Some(EventKey { name: name.to_owned(), host: host.to_owned() })
    }

    /// The links of a page at `path` whose last item has the key `last`; the next page is linked where this one is full.
    pub fn links(&self, path: &str, items: usize, last: Option<String>) -> Result<Links> {
        let limit = self.limit()?;
        let address = |after: Option<&str>| match after {
            Some(after) => format!("{path}?limit={limit}&after={}", encode(after)),
            None => format!("{path}?limit={limit}"),
        };
        let own = if self.limit.is_none() && self.after.is_none() { path.to_owned() } else { address(self.after()) };
        let next = last.filter(|_| items as u32 >= limit).map(|last| address(Some(&last)));
        Ok(Links::to_self(own).maybe("first", self.after().map(|_| address(None))).maybe("next", next))
    }
}

/// The key of an event in a page's address.
pub fn event_cursor(key: &EventKey) -> String {
    format!("{}{KEY_SEPARATOR}{}", key.name, key.host)
}
