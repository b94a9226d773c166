//! Makes contexts and texts that are missing, and learns their ids.
//!
//! Each statement is a transaction of its own and takes its rows in one order (texts that are made by their bytes, those that are
//! renewed by their ids), so no two instances wait for each other in a circle.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use upto_wire::Time;

use super::types::{Parameter, Timestamp};
use super::{Postgres, Result};
use crate::store::Batch;
use crate::store::dictionary::Dictionary;
use crate::store::plan::groups;

/// Those of the generation of their context. Each text is looked up by key: for a join the planner may read all of the table,
/// again and again while it grows.
const FIND_TEXTS: &str = "SELECT k.context_id, k.text, f.id FROM unnest($1::int4[], $2::text[]) k(context_id, text) \
     CROSS JOIN LATERAL ( \
       SELECT t.id, t.generation FROM upto.texts t WHERE t.context_id = k.context_id AND t.text = k.text LIMIT 1) f \
     WHERE f.generation >= (SELECT c.generation FROM upto.contexts c WHERE c.id = k.context_id)";

/// Those that exist are looked up as above and left out, as an insert that finds a conflict uses up an id; those that others
/// are making are waited for and not returned. The order is that in which all writers make them.
const MAKE_TEXTS: &str = "INSERT INTO upto.texts (context_id, text, generation) \
     SELECT k.context_id, k.text, coalesce((SELECT c.generation FROM upto.contexts c WHERE c.id = k.context_id), 0) \
     FROM unnest($1::int4[], $2::text[]) k(context_id, text) WHERE ( \
       SELECT true FROM upto.texts t WHERE t.context_id = k.context_id AND t.text = k.text LIMIT 1) IS NULL \
     ORDER BY k.context_id, k.text COLLATE \"C\" ON CONFLICT DO NOTHING RETURNING context_id, text, id";

/// Those of older generations, which somebody may be about to delete (`texts.rs`): who was first is seen once the row is locked.
const RENEW_TEXTS: &str = "WITH old AS MATERIALIZED ( \
       SELECT k.context_id, f.id FROM unnest($1::int4[], $2::text[]) k(context_id, text) CROSS JOIN LATERAL ( \
         SELECT t.id FROM upto.texts t WHERE t.context_id = k.context_id AND t.text = k.text LIMIT 1) f), \
     locked AS MATERIALIZED ( \
       SELECT t.context_id, t.id FROM upto.texts t JOIN old ON old.context_id = t.context_id AND old.id = t.id \
       ORDER BY t.context_id, t.id FOR NO KEY UPDATE OF t) \
     UPDATE upto.texts t SET generation = greatest(t.generation, \
       (SELECT c.generation FROM upto.contexts c WHERE c.id = t.context_id)) \
     FROM locked WHERE t.context_id = locked.context_id AND t.id = locked.id RETURNING t.context_id, t.text, t.id";

/// Texts that are not remembered, each with its context and that one's id. In this order they are made.
type Texts<'a> = BTreeMap<(i32, &'a str), &'a str>;

impl Postgres {
    /// Learns the ids of all contexts, texts and sets of functions of a batch. Where they are remembered nothing is asked for.
    pub(super) async fn learn(&self, batch: &Batch) -> Result<()> {
        let unknown: BTreeSet<&str> = {
            let dictionary = self.dictionary();
            let contexts = groups(batch).map(|group| group.context);
            contexts.filter(|context| dictionary.context(context).is_none()).collect()
        };
        self.learn_contexts(&unknown, batch.received_at).await?;
        self.learn_function_sets(batch).await?;
        let mut unknown = self.unknown_texts(batch);
        // What is not remembered is new, as a rule.
        for statement in [MAKE_TEXTS, FIND_TEXTS, RENEW_TEXTS] {
            self.learn_texts(statement, &mut unknown).await?;
        }
        Ok(())
    }

    /// What is not remembered.
    fn unknown_texts<'a>(&self, batch: &'a Batch) -> Texts<'a> {
        let (dictionary, mut unknown) = (self.dictionary(), Texts::new());
        for group in groups(batch) {
            let Some(context) = dictionary.context(group.context) else { continue };
            let texts = group.changes.iter().flat_map(|change| [&change.key.name, &change.key.host]);
            let new = texts.filter(|text| context.text(text).is_none());
            unknown.extend(new.map(|text| ((context.id(), text.as_str()), group.context)));
        }
        unknown
    }

    /// Learns the texts that a statement returns, and leaves the others.
    async fn learn_texts(&self, statement: &str, texts: &mut Texts<'_>) -> Result<()> {
        if texts.is_empty() {
            return Ok(());
        }
        let (contexts, names): (Vec<i32>, Vec<&str>) = texts.keys().copied().unzip();
        let parameters: [Parameter<'_>; 2] = [(&contexts, Type::INT4_ARRAY), (&names, Type::TEXT_ARRAY)];
        let rows = match self.pool.get().await?.query_typed(statement, &parameters).await {
            // A context is gone. All are forgotten and learnt again, and the write begins anew.
            Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => {
                *self.dictionary() = Dictionary::default();
                return Ok(());
            }
            rows => rows?,
        };
        let ids: HashMap<(i32, &str), i32> = rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect();
        let mut dictionary = self.dictionary();
        texts.retain(|text, context| {
            let Some(id) = ids.get(text) else { return true };
            // The context may have been forgotten, or be another one of that name, by now.
            if dictionary.context(context).is_some_and(|context| context.id() == text.0) {
                dictionary.learn_text(context, text.1, *id);
            }
            false
        });
        Ok(())
    }

    /// Learns the ids of the sets of functions of a batch, and makes those that are missing, in the order of their texts.
    async fn learn_function_sets(&self, batch: &Batch) -> Result<()> {
        let mut unknown: BTreeSet<&str> = {
            let dictionary = self.dictionary();
            let runs = batch.changes.chunk_by(|a, b| a.event.functions == b.event.functions);
            let sets = runs.map(|run| run[0].event.functions.as_str());
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
            let find = "SELECT name, id, generation FROM upto.contexts WHERE name = ANY ($1)";
            let rows = connection.query_typed(find, &[(&unknown, Type::TEXT_ARRAY)]).await?;
            let mut dictionary = self.dictionary();
            rows.iter().for_each(|row| dictionary.learn_context(row.get(0), row.get(1), row.get(2)));
            unknown.retain(|name| dictionary.context(name).is_none());
        }
        Ok(())
    }
}
