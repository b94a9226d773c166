//! Makes contexts and texts that are missing, and learns their ids.
//!
//! Each statement is a transaction of its own and has its rows in byte order, so no two instances wait for each other in
//! a circle. What exists is looked for first: an insert that finds a conflict uses up an id.

use std::collections::BTreeSet;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use upto_wire::Time;

use super::types::{Parameter, Timestamp};
use super::{Postgres, Result};
use crate::store::Batch;
use crate::store::dictionary::Dictionary;

const FIND_TEXTS: &str = "SELECT k.i::int4, t.id FROM unnest($1::int4[], $2::text[]) WITH ORDINALITY k(context_id, text, i) \
     JOIN upto.texts t ON t.context_id = k.context_id AND t.text = k.text";

impl Postgres {
    /// Learns the ids of all contexts, texts and sets of functions of a batch. Where they are remembered nothing is asked for.
    pub(super) async fn learn(&self, batch: &Batch) -> Result<()> {
        let unknown: BTreeSet<&str> = {
            let dictionary = self.dictionary();
            let contexts = batch.changes.iter().map(|change| change.context.as_str());
            contexts.filter(|context| dictionary.context(context).is_none()).collect()
        };
        self.learn_contexts(&unknown, batch.received_at).await?;
        self.learn_function_sets(batch).await?;
        let mut unknown = self.unknown_texts(batch);
        for make in [false, true] {
            if unknown.is_empty() {
                return Ok(());
            }
            if make {
                self.make_texts(&unknown).await?;
            }
            let found = self.find_texts(&unknown).await?;
            let mut missing = BTreeSet::new();
            for ((context, id, text), found) in unknown.iter().zip(found) {
                match found {
                    // The context may have been forgotten, or be another one of that name, by now.
                    Some(found) if self.dictionary().context(context) == Some(*id) => {
                        self.dictionary().learn_text(context, text, found);
                    }
                    Some(_) => {}
                    None => {
                        missing.insert((*context, *id, *text));
                    }
                }
            }
            unknown = missing;
        }
        Ok(())
    }

    /// Context, its id, and text of what is not remembered.
    fn unknown_texts<'a>(&self, batch: &'a Batch) -> BTreeSet<(&'a str, i32, &'a str)> {
        let dictionary = self.dictionary();
        let texts = batch.changes.iter().flat_map(|change| {
            [(change.context.as_str(), change.key.name.as_str()), (change.context.as_str(), change.key.host.as_str())]
        });
        let unknown = texts.filter(|(context, text)| dictionary.text(context, text).is_none());
        unknown.filter_map(|(context, text)| Some((context, dictionary.context(context)?, text))).collect()
    }

    /// The ids of texts, in their order.
    async fn find_texts(&self, texts: &BTreeSet<(&str, i32, &str)>) -> Result<Vec<Option<i32>>> {
        let (contexts, names): (Vec<i32>, Vec<&str>) = texts.iter().map(|(_, id, text)| (*id, *text)).unzip();
        let rows = (self.pool.get().await?)
            .query_typed(FIND_TEXTS, &[(&contexts, Type::INT4_ARRAY), (&names, Type::TEXT_ARRAY)])
            .await?;
        let mut found = vec![None; texts.len()];
        for row in rows {
            found[row.get::<_, i32>(0) as usize - 1] = Some(row.get(1));
        }
        Ok(found)
    }

    /// Makes texts, as every instance does in the order of (context's id, text). The rows come straight from the arrays: with
    /// a join or a condition on another table the planner may change their order, and two instances then deadlock.
    async fn make_texts(&self, texts: &BTreeSet<(&str, i32, &str)>) -> Result<()> {
        let insert = "INSERT INTO upto.texts (context_id, text) \
            SELECT * FROM unnest($1::int4[], $2::text[]) ON CONFLICT DO NOTHING";
        let sorted: BTreeSet<_> = texts.iter().map(|(_, id, text)| (*id, *text)).collect();
        let (contexts, names): (Vec<i32>, Vec<&str>) = sorted.into_iter().unzip();
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&contexts, Type::INT4_ARRAY), (&names, Type::TEXT_ARRAY)];
        match self.pool.get().await?.execute_typed(insert, &parameters).await {
            // A context is gone. All are forgotten and learnt again, and the write begins anew.
            Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => {
                *self.dictionary() = Dictionary::default();
                Ok(())
            }
            other => Ok(other.map(drop)?),
        }
    }

    /// Learns the ids of the sets of functions of a batch, and makes those that are missing, in the order of their texts.
    async fn learn_function_sets(&self, batch: &Batch) -> Result<()> {
        let mut unknown: BTreeSet<&str> = {
            let dictionary = self.dictionary();
            let sets = batch.changes.iter().map(|change| change.event.functions.as_str());
            sets.filter(|set| dictionary.function_set(set).is_none()).collect()
        };
        for make in [false, true] {
            if unknown.is_empty() {
                return Ok(());
            }
            let sets: Vec<&str> = unknown.iter().copied().collect();
            let parameters: [Parameter<'_>; 1] = [(&sets, Type::TEXT_ARRAY)];
            let connection = self.pool.get().await?;
            if make {
                let insert = "INSERT INTO upto.function_sets (functions) SELECT * FROM unnest($1::text[]) \
                    ON CONFLICT DO NOTHING";
                match connection.execute_typed(insert, &parameters).await {
                    // None of them may be made: what others have made of them is found all the same.
                    Err(error) if error.code() == Some(&SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED) => {}
                    other => drop(other?),
                }
            }
            let find = "SELECT functions, id FROM upto.function_sets WHERE functions = ANY ($1)";
            let rows = connection.query_typed(find, &parameters).await?;
            let mut dictionary = self.dictionary();
            rows.iter().for_each(|row| dictionary.learn_function_set(row.get(0), Some(row.get(1))));
            unknown.retain(|set| dictionary.function_set(set).is_none());
        }
        let mut dictionary = self.dictionary();
        unknown.iter().for_each(|set| dictionary.learn_function_set(set, None));
        Ok(())
    }

    /// Learns the ids of contexts, and makes those that are missing.
    pub(super) async fn learn_contexts(&self, names: &BTreeSet<&str>, at: Time) -> Result<()> {
        let mut unknown: Vec<&str> = {
            let dictionary = self.dictionary();
            names.iter().copied().filter(|name| dictionary.context(name).is_none()).collect()
        };
        for make in [false, true] {
            if unknown.is_empty() {
                return Ok(());
            }
            let connection = self.pool.get().await?;
            if make {
                let insert = "INSERT INTO upto.contexts (name, created_at) SELECT name, $2 FROM unnest($1::text[]) name \
                    ON CONFLICT DO NOTHING";
                let parameters: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&unknown, Type::TEXT_ARRAY), (&Timestamp(at), Type::TIMESTAMPTZ)];
                connection.execute_typed(insert, &parameters).await?;
            }
            let find = "SELECT name, id FROM upto.contexts WHERE name = ANY ($1)";
            let rows = connection.query_typed(find, &[(&unknown, Type::TEXT_ARRAY)]).await?;
            let mut dictionary = self.dictionary();
            rows.iter().for_each(|row| dictionary.learn_context(row.get(0), row.get(1)));
            unknown.retain(|name| dictionary.context(name).is_none());
        }
        Ok(())
    }
}
