//! What writes to SQLite: one transaction a call, all of it on the one writing connection.

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use upto_wire::Time;

use crate::store::dictionary::{Context, Dictionary, LAST_FUNCTION_SET, NO_FUNCTIONS, NO_HOST};
use crate::store::plan::{self, Begin, Plan, RowKey};
use crate::store::rule::{Columns, merge, running};
use crate::store::{Batch, NewTimeline, Result, Target, TimelineKey};

/// The writing connection and what it remembers.
pub(super) struct Writer {
    connection: Connection,
    dictionary: Dictionary,
}

const UPSERT: &str = concat!(
    "INSERT INTO events AS e (context_id, timeline, name_id, host_id, started_at, restarted_at, ended_at, is_point, \
       status, start_labels, end_labels, functions) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    merge!()
);

/// Whether an event runs in a timeline, or has this very end, which then was sent again.
const RUNS_IN: &str = concat!(
    "SELECT 1 FROM events e WHERE e.context_id = ?1 AND e.timeline = ?2 AND e.name_id = ?3 AND e.host_id = ?4 \
       AND (e.ended_at = ?5 AND NOT e.is_point OR ",
    running!(),
    ")"
);

impl Writer {
    pub fn new(connection: Connection) -> Self {
        Writer { connection, dictionary: Dictionary::default() }
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// [`crate::store::Store::write`].
    pub fn write(&mut self, batch: &Batch) -> Result<Vec<TimelineKey>> {
        self.transact(|session| session.write(batch))
    }

    /// [`crate::store::Store::new_timeline`].
    pub fn new_timeline(&mut self, new: &NewTimeline) -> Result<TimelineKey> {
        self.transact(|session| {
            let context = session.context(&new.context, new.received_at)?;
            let begin = Begin { at: new.at, received: new.received_at };
            let number = match &new.name {
                Some(name) => session.named(context, name, new.labels.as_str(), begin)?,
                None => session.make(context, None, new.labels.as_str(), begin)?,
            };
            Ok(TimelineKey { context: new.context.clone(), number: number as u32 })
        })
    }

    /// Runs a call in one transaction, which is rolled back where it fails.
    pub fn transact<T>(&mut self, call: impl FnOnce(&mut Session<'_>) -> rusqlite::Result<T>) -> Result<T> {
        self.dictionary.trim();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = {
            let mut session = Session { transaction, dictionary: &mut self.dictionary };
            call(&mut session).and_then(|answer| session.transaction.commit().map(|()| answer))
        };
        if answer.is_err() {
            // Ids that were learnt in a transaction that is rolled back stand for nothing.
            self.dictionary = Dictionary::default();
        }
        Ok(answer?)
    }
}

/// One transaction.
pub(super) struct Session<'a> {
    transaction: Transaction<'a>,
    dictionary: &'a mut Dictionary,
}

impl<'a> Session<'a> {
    pub fn transaction(&self) -> &Transaction<'a> {
        &self.transaction
    }

    fn write(&mut self, batch: &Batch) -> rusqlite::Result<Vec<TimelineKey>> {
        let mut contexts = BTreeMap::new();
        let targets = self.targets(batch, &mut contexts)?;
        let mut plan = Plan::default();
        for (group, (context, timeline)) in plan::groups(batch).zip(targets) {
            for change in group.changes {
                let name = self.text(group.context, context, &change.key.name)?;
                let host = self.text(group.context, context, &change.key.host)?;
                plan.add(RowKey { context, timeline, name, host }, group.target, &change.event);
            }
        }
        self.place_strays(&mut plan)?;
        let rows = plan.into_rows();
        let sets = rows.iter().map(|(_, event)| self.function_set(event.functions.as_str()));
        let sets = sets.collect::<rusqlite::Result<Vec<i16>>>()?;
        let mut upsert = self.transaction.prepare_cached(UPSERT)?;
        for ((key, event), functions) in rows.iter().zip(sets) {
            self::upsert(&mut upsert, key, &Columns::of(event), functions)?;
        }
        drop(upsert);
        self.touch(&plan::touched(&rows), &contexts, batch.received_at)
    }

    /// Context and number of the timeline that each group of the batch means. The named ones are made first.
    fn targets<'b>(
        &mut self,
        batch: &'b Batch,
        contexts: &mut BTreeMap<i32, &'b str>,
    ) -> rusqlite::Result<Vec<(i32, i32)>> {
        let mut targets = Vec::new();
        for group in plan::groups(batch) {
            let context = self.context(group.context, batch.received_at)?;
            contexts.insert(context, group.context);
            let timeline = match group.target {
                Target::Active => 0,
                Target::Named(name) => self.named(context, name, "", Begin::on_receipt(batch.received_at))?,
            };
            targets.push((context, timeline));
        }
        for (context, timeline) in targets.iter_mut().filter(|(_, timeline)| *timeline == 0) {
            *timeline = self.active(*context, batch.received_at)?;
        }
        Ok(targets)
    }

    /// The id of a context, made if it does not exist.
    fn context(&mut self, name: &str, at: Time) -> rusqlite::Result<i32> {
        let mut find = self.transaction.prepare_cached("SELECT id, generation FROM contexts WHERE name = ?1")?;
        let (id, generation) = match find.query_row([name], |row| Ok((row.get(0)?, row.get(1)?))).optional()? {
            Some(known) => known,
            None => self
                .transaction
                .prepare_cached("INSERT INTO contexts (name, created_at) VALUES (?1, ?2) RETURNING id, generation")?
                .query_row(params![name, at.micros()], |row| Ok((row.get(0)?, row.get(1)?)))?,
        };
        self.dictionary.learn_context(name, id, generation);
        Ok(id)
    }

    /// The id of a name or host, made if it does not exist. Its context was learnt in this transaction.
    fn text(&mut self, context: &str, context_id: i32, text: &str) -> rusqlite::Result<i32> {
        let known = self.dictionary.context(context);
        if let Some(id) = known.and_then(|context| context.text(text)) {
            return Ok(id);
        }
        let generation = known.map_or(0, Context::generation);
        // One of an older generation may be about to be deleted (`texts.rs`).
        let mut make = self.transaction.prepare_cached(
            "INSERT INTO texts (context_id, text, generation) VALUES (?1, ?2, ?3) ON CONFLICT (context_id, text) \
             DO UPDATE SET generation = excluded.generation RETURNING id",
        )?;
        let id = make.query_row(params![context_id, text, generation], |row| row.get(0))?;
        debug_assert_ne!(id, NO_HOST);
        self.dictionary.learn_text(context, text, id);
        Ok(id)
    }

    /// The id of a set of functions, made if it does not exist.
    fn function_set(&mut self, functions: &str) -> rusqlite::Result<i16> {
        if let Some(id) = self.dictionary.function_set(functions) {
            return Ok(id);
        }
        let mut find = self.transaction.prepare_cached("SELECT id FROM function_sets WHERE functions = ?1")?;
        let id = match find.query_row([functions], |row| row.get(0)).optional()? {
            Some(id) => Some(id),
            None => self
                .transaction
                .prepare_cached(
                    "INSERT INTO function_sets (functions) \
                     SELECT ?1 WHERE coalesce((SELECT max(id) FROM function_sets), 0) < ?2 RETURNING id",
                )?
                .query_row(params![functions, LAST_FUNCTION_SET], |row| row.get(0))
                .optional()?,
        };
        self.dictionary.learn_function_set(functions, id);
        Ok(id.unwrap_or(NO_FUNCTIONS))
    }

    /// The number of the newest timeline, made if there is none.
    fn active(&mut self, context: i32, at: Time) -> rusqlite::Result<i32> {
        let latest: i32 = self
            .transaction
            .prepare_cached("SELECT latest FROM contexts WHERE id = ?1")?
            .query_row([context], |row| row.get(0))?;
        if latest == 0 {
            return self.make(context, None, "", Begin::on_receipt(at));
        }
        // Somebody may have deleted it: it comes back under its number, so that numbers only ever grow.
        self.transaction
            .prepare_cached(
                "INSERT INTO timelines (context_id, number, created_at, received_at) VALUES (?1, ?2, ?3, ?3) \
                 ON CONFLICT (context_id, number) DO NOTHING",
            )?
            .execute(params![context, latest, at.micros()])?;
        Ok(latest)
    }

    /// The number of the timeline of a name, made if it does not exist.
    fn named(&mut self, context: i32, name: &str, labels: &str, begin: Begin) -> rusqlite::Result<i32> {
        let found = self
            .transaction
            .prepare_cached("SELECT number FROM timelines WHERE context_id = ?1 AND name = ?2")?
            .query_row(params![context, name], |row| row.get(0))
            .optional()?;
        match found {
            Some(number) => Ok(number),
            None => self.make(context, Some(name), labels, begin),
        }
    }

    fn make(&mut self, context: i32, name: Option<&str>, labels: &str, begin: Begin) -> rusqlite::Result<i32> {
        let number: i32 = self
            .transaction
            .prepare_cached("UPDATE contexts SET latest = latest + 1 WHERE id = ?1 RETURNING latest")?
            .query_row([context], |row| row.get(0))?;
        self.transaction
            .prepare_cached(
                "INSERT INTO timelines (context_id, number, name, labels, created_at, received_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![context, number, name, labels, begin.at.micros(), begin.received.micros()])?;
        Ok(number)
    }

    fn place_strays(&mut self, plan: &mut Plan<'_>) -> rusqlite::Result<()> {
        let mut runs_in = self.transaction.prepare_cached(RUNS_IN)?;
        let mut found = Vec::with_capacity(plan.strays().len());
        for (stray, end) in plan.strays() {
            let mut place = None;
            for timeline in plan::older_than(stray.timeline).chain([stray.timeline]).rev() {
                let parameters = params![stray.context, timeline, stray.name, stray.host, end.micros()];
                if runs_in.exists(parameters)? {
                    place = Some(timeline);
                    break;
                }
            }
            found.push(place);
        }
        plan.place_strays(&found);
        Ok(())
    }

    fn touch(
        &mut self,
        timelines: &[(i32, i32)],
        contexts: &BTreeMap<i32, &str>,
        received: Time,
    ) -> rusqlite::Result<Vec<TimelineKey>> {
        let mut touch = self.transaction.prepare_cached(
            "UPDATE timelines SET revision = revision + 1, received_at = max(received_at, ?3) \
             WHERE context_id = ?1 AND number = ?2",
        )?;
        let mut touched = Vec::with_capacity(timelines.len());
        for (context, number) in timelines {
            touch.execute(params![context, number, received.micros()])?;
            touched.push(TimelineKey { context: contexts[context].to_owned(), number: *number as u32 });
        }
        touched.sort();
        Ok(touched)
    }
}

fn upsert(upsert: &mut CachedStatement<'_>, key: &RowKey, event: &Columns<'_>, functions: i16) -> rusqlite::Result<()> {
    let micros = |time: Option<Time>| time.map(Time::micros);
    upsert.execute(params![
        key.context,
        key.timeline,
        key.name,
        key.host,
        micros(event.started_at),
        micros(event.restarted_at),
        micros(event.ended_at),
        event.is_point,
        event.status,
        event.start_labels,
        event.end_labels,
        functions,
    ])?;
    Ok(())
}
