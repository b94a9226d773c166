//! Dead letters: what is not looked for by is kept as one JSON list.

use upto_wire::Time;

use super::{Redis, Result, StoreError};
use crate::store::functions::{DEAD_LETTERS, DeadLetter};

/// Version, cause, reason, report, time in microseconds.
type Text<'a> = (u32, &'a str, &'a str, &'a str, i64);
/// The same as read.
type Owned = (u32, String, String, String, i64);

impl Redis {
    pub(super) async fn add_letters(&self, letters: &[DeadLetter]) -> Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let mut call = self.functions.arg("add_letters");
        call.arg(DEAD_LETTERS);
        for DeadLetter { id, function, version, cause, reason, report, at } in letters {
            let text: Text<'_> = (*version, cause, reason, report, at.micros());
            let text = serde_json::to_string(&text).map_err(|error| StoreError::Rejected(error.to_string()))?;
            call.arg(function).arg(id).arg(at.micros()).arg(text);
        }
        self.server.run(&call).await
    }

    pub(super) async fn read_letters(&self, function: &str, after: &str, limit: u32) -> Result<Vec<DeadLetter>> {
        let mut call = self.functions.arg("letters");
        call.arg(function).arg(after).arg(limit);
        let (ids, texts): (Vec<String>, Vec<String>) = self.server.run(&call).await?;
        let letter = |(id, text): (String, String)| {
            let (version, cause, reason, report, at): Owned = serde_json::from_str(&text)
                .map_err(|error| StoreError::Fatal(format!("a dead letter in the store is damaged: {error}")))?;
            let (function, at) = (function.to_owned(), Time::from_micros(at));
            Ok(DeadLetter { id, function, version, cause, reason, report, at })
        };
        ids.into_iter().zip(texts).map(letter).collect()
    }
}
