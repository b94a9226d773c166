//! What writes to Postgres.
//!
//! A batch is one transaction: where its changes go, then its rows (`rows.rs`). Contexts, texts and timelines that are
//! missing are made before it in short transactions of their own, sorted, so that no two instances wait for each other in a
//! circle. All of it can be done again, and is where rows vanished in the meantime.

use std::collections::BTreeSet;

use futures::future::join;
use tokio_postgres::types::{ToSql, Type};
use upto_wire::Time;

use super::connect::{BEGIN, Transaction};
use super::rows::{self, Written};
use super::types::Timestamp;
use super::{Postgres, Result, StoreError};
use crate::store::dictionary::Context;
use crate::store::plan::{self, Begin, Group, Plan, Row, RowKey};
use crate::store::rule::running;
use crate::store::{Batch, NewTimeline, Target, TimelineKey};

/// How often a write begins anew because what it relied on was deleted or made by others.
const TRIES: u32 = 5;

/// For pairs of a context and a name (NULL for the newest): the context's generation, and the number of the timeline meant.
const FIND_TIMELINES: &str = "SELECT k.i::int4, c.generation, \
       CASE WHEN k.name IS NULL \
         THEN (SELECT t.number FROM upto.timelines t WHERE t.context_id = c.id AND t.number = c.latest) \
         ELSE (SELECT t.number FROM upto.timelines t WHERE t.context_id = c.id AND t.name = k.name) END \
     FROM unnest($1::int4[], $2::text[]) WITH ORDINALITY k(context_id, name, i) \
     JOIN upto.contexts c ON c.id = k.context_id";

/// For stray ends: where their events run, or have this very end, which then was sent again. Each timeline is looked up by
/// the whole key, the older ones only where need be: a scalar subquery is never planned as a join, nor can a greatest one be
/// sought along an index, past all that the context has.
const FIND_RUNNING: &str = concat!(
    "SELECT coalesce( \
       (SELECT e.timeline FROM upto.events e WHERE e.context_id = k.context_id AND e.timeline = k.newest \
          AND e.name_id = k.name_id AND e.host_id = k.host_id \
          AND (e.ended_at = k.ended_at AND NOT e.is_point OR ",
    running!(),
    ")), \
       (SELECT max(older.timeline) FROM generate_series(k.oldest, k.newest - 1) older(timeline) WHERE ( \
          SELECT true FROM upto.events e WHERE e.context_id = k.context_id AND e.timeline = older.timeline \
            AND e.name_id = k.name_id AND e.host_id = k.host_id \
            AND (e.ended_at = k.ended_at AND NOT e.is_point OR ",
    running!(),
    ")))) \
     FROM unnest($1::int4[], $2::int4[], $3::int4[], $4::int4[], $5::int4[], $6::timestamptz[]) WITH ORDINALITY \
       k(context_id, oldest, newest, name_id, host_id, ended_at, i) ORDER BY k.i"
);

/// Why a write has to begin anew.
enum Anew {
    /// Contexts that are gone, or have another generation, although their ids were remembered.
    Contexts(Vec<String>),
    /// Groups of the batch whose timelines do not exist: context, its id, target.
    Timelines(BTreeSet<(i32, Target)>),
    /// A timeline vanished while it was written to.
    Vanished,
    /// Rows that looked new met others.
    Met,
}

/// The result of one try.
type Tried = std::result::Result<Vec<TimelineKey>, Anew>;

impl Postgres {
    /// [`crate::store::Store::write`].
    pub(super) async fn write_batch(&self, batch: &Batch) -> Result<Vec<TimelineKey>> {
        if batch.changes.is_empty() {
            return Ok(Vec::new());
        }
        self.dictionary().trim();
        for _ in 0..TRIES {
            self.learn(batch).await?;
            match self.try_write(batch).await? {
                Ok(touched) => return Ok(touched),
                Err(Anew::Contexts(gone)) => gone.iter().for_each(|context| self.dictionary().forget(context)),
                Err(Anew::Timelines(missing)) => self.make_missing(&missing, batch.received_at).await?,
                Err(Anew::Vanished | Anew::Met) => {}
            }
        }
        Err(StoreError::Unavailable("contexts or timelines are deleted as fast as they are made".to_owned()))
    }

    async fn try_write(&self, batch: &Batch) -> Result<Tried> {
        let groups: Vec<_> = plan::groups(batch).collect();
        let Some((contexts, generations)) = self.known(&groups) else { return Ok(Err(Anew::Vanished)) };
        let mut transaction = Transaction::on(self.pool.get().await?);
        match self.write_in(&transaction, batch, &groups, (&contexts, &generations)).await {
            // It is committed together with the last statements.
            Ok(Ok(touched)) => {
                transaction.ended();
                Ok(Ok(touched))
            }
            Ok(Err(anew)) => transaction.roll_back().await.map(|()| Err(anew)),
            // Where the server still answers the connection can be kept.
            Err(error) => {
                let _ = transaction.roll_back().await;
                Err(error)
            }
        }
    }

    async fn write_in(
        &self,
        transaction: &Transaction,
        batch: &Batch,
        groups: &[Group<'_>],
        (contexts, generations): (&[i32], &[i32]),
    ) -> Result<Tried> {
        let timelines = match find_timelines(transaction, groups, (contexts, generations)).await? {
            Ok(timelines) => timelines,
            Err(anew) => return Ok(Err(anew)),
        };
        let Some(mut plan) = self.plan(groups, contexts, &timelines) else { return Ok(Err(Anew::Vanished)) };
        if plan.strays().len() > 0 {
            let running = find_running(transaction, &plan).await?;
            plan.place_strays(&running);
        }
        let rows = plan.into_rows();
        let Some(functions) = self.function_sets(&rows) else { return Ok(Err(Anew::Vanished)) };
        let touched = plan::touched(&rows);
        match rows::write(transaction, &rows, &functions, &touched, batch.received_at, &self.trust).await? {
            Written::Committed => {}
            Written::Vanished => return Ok(Err(Anew::Vanished)),
            Written::Met => return Ok(Err(Anew::Met)),
        }
        let name = |id: i32| contexts.iter().position(|context| *context == id).map(|i| groups[i].context.to_owned());
        let key =
            |(context, number): &(i32, i32)| Some(TimelineKey { context: name(*context)?, number: *number as u32 });
        let mut touched: Vec<_> = touched.iter().filter_map(key).collect();
        touched.sort();
        Ok(Ok(touched))
    }

    /// The ids of the groups' contexts with their generations; `None` where another write has just forgotten one.
    fn known(&self, groups: &[Group<'_>]) -> Option<(Vec<i32>, Vec<i32>)> {
        let dictionary = self.dictionary();
        let known = groups.iter().map(|group| dictionary.context(group.context));
        known.map(|context| context.map(|context| (context.id(), context.generation()))).collect()
    }

    /// The changes by key; `None` where another write has just forgotten a text.
    fn plan<'a>(&self, groups: &[Group<'a>], contexts: &[i32], timelines: &[i32]) -> Option<Plan<'a>> {
        let dictionary = self.dictionary();
        let mut plan = Plan::default();
        for ((group, context), timeline) in groups.iter().zip(contexts).zip(timelines) {
            let known = dictionary.context(group.context)?;
            for change in group.changes {
                let (name, host) = (known.text(&change.key.name)?, known.text(&change.key.host)?);
                let key = RowKey { context: *context, timeline: *timeline, name, host };
                plan.add(key, group.target, &change.event);
            }
        }
        Some(plan)
    }

    /// The ids of the rows' sets of functions; `None` where another write has just forgotten one.
    fn function_sets(&self, rows: &[Row<'_>]) -> Option<Vec<i16>> {
        let (dictionary, mut sets) = (self.dictionary(), Vec::with_capacity(rows.len()));
        for run in rows.chunk_by(|(_, a), (_, b)| a.functions == b.functions) {
            let set = dictionary.function_set(run[0].1.functions.as_str())?;
            sets.resize(sets.len() + run.len(), set);
        }
        Some(sets)
    }

    /// Makes timelines that a batch means: first the named ones, so that the newest of them is then the active one.
    async fn make_missing(&self, missing: &BTreeSet<(i32, Target)>, at: Time) -> Result<()> {
        let named = |(_, target): &&(i32, Target)| *target != Target::Active;
        for (context, target) in missing.iter().filter(named).chain(missing.iter().filter(|one| !named(one))) {
            let name = match target {
                Target::Active => None,
                Target::Named(name) => Some(name.as_str()),
            };
            let transaction = Transaction::begin(&self.pool).await?;
            let make = Make { name, labels: "", begin: Begin::on_receipt(at), always: false };
            make_timeline(&transaction, *context, make).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// [`crate::store::Store::new_timeline`].
    pub(super) async fn make_or_find(&self, new: &NewTimeline) -> Result<TimelineKey> {
        let begin = Begin { at: new.at, received: new.received_at };
        let make = Make { name: new.name.as_deref(), labels: new.labels.as_str(), begin, always: true };
        for _ in 0..TRIES {
            self.learn_contexts(&BTreeSet::from([new.context.as_str()]), new.received_at).await?;
            let Some(context) = self.dictionary().context(&new.context).map(Context::id) else { continue };
            let transaction = Transaction::begin(&self.pool).await?;
            match make_timeline(&transaction, context, make).await? {
                Some(number) => {
                    transaction.commit().await?;
                    return Ok(TimelineKey { context: new.context.clone(), number: number as u32 });
                }
                None => {
                    transaction.roll_back().await?;
                    self.dictionary().forget(&new.context);
                }
            }
        }
        Err(StoreError::Unavailable("contexts are deleted as fast as they are made".to_owned()))
    }
}

/// Begins the transaction, and finds the timeline that each group means. Contexts have the generations that were remembered,
/// within the transaction: who deletes texts of older ones waits for those that began before (`texts.rs`).
async fn find_timelines(
    transaction: &Transaction,
    groups: &[Group<'_>],
    (contexts, generations): (&[i32], &[i32]),
) -> Result<std::result::Result<Vec<i32>, Anew>> {
    let name = |group: &Group<'_>| match group.target {
        Target::Active => None,
        Target::Named(name) => Some(name.clone()),
    };
    let names: Vec<Option<String>> = groups.iter().map(name).collect();
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&contexts, Type::INT4_ARRAY), (&names, Type::TEXT_ARRAY)];
    let client = transaction.client();
    // Sent together: one round trip.
    let (begun, found) = join(client.batch_execute(BEGIN), client.query_typed(FIND_TIMELINES, &parameters)).await;
    begun?;
    // Per group: `None` without its context as it was, 0 without its timeline.
    let mut numbers: Vec<Option<i32>> = vec![None; groups.len()];
    for row in found? {
        let (group, number) = (row.get::<_, i32>(0) as usize - 1, row.get::<_, Option<i32>>(2));
        let is_known = generations[group] == row.get::<_, i32>(1);
        numbers[group] = is_known.then_some(number.unwrap_or(0));
    }
    let gone: Vec<_> = groups.iter().zip(&numbers).filter(|(_, number)| number.is_none()).collect();
    if !gone.is_empty() {
        return Ok(Err(Anew::Contexts(gone.iter().map(|(group, _)| group.context.to_owned()).collect())));
    }
    let numbers: Vec<i32> = numbers.into_iter().flatten().collect();
    let missing = groups.iter().zip(contexts).zip(&numbers).filter(|(_, number)| **number == 0);
    let missing: BTreeSet<_> = missing.map(|((group, context), _)| (*context, group.target.clone())).collect();
    Ok(if missing.is_empty() { Ok(numbers) } else { Err(Anew::Timelines(missing)) })
}

/// For each stray end the newest timeline in which its event runs.
async fn find_running(transaction: &Transaction, plan: &Plan<'_>) -> Result<Vec<Option<i32>>> {
    let column = |of: fn(RowKey) -> i32| plan.strays().map(|(key, _)| of(key)).collect::<Vec<i32>>();
    let columns = [
        column(|key| key.context),
        column(|key| plan::older_than(key.timeline).start),
        column(|key| key.timeline),
        column(|key| key.name),
        column(|key| key.host),
    ];
    let ends: Vec<Timestamp> = plan.strays().map(|(_, end)| Timestamp(end)).collect();
    let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = Vec::with_capacity(6);
    parameters.extend(columns.iter().map(|column| (column as _, Type::INT4_ARRAY)));
    parameters.push((&ends, Type::TIMESTAMPTZ_ARRAY));
    let rows = transaction.client().query_typed(FIND_RUNNING, &parameters).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A timeline to be made.
#[derive(Clone, Copy)]
struct Make<'a> {
    name: Option<&'a str>,
    labels: &'a str,
    begin: Begin,
    /// Make one without a name although there is a newest one.
    always: bool,
}

/// Makes a timeline, or finds the one of that name or the newest one. `None` where the context is gone. The context's row
/// is locked until the transaction ends, so that numbers have no gaps.
async fn make_timeline(transaction: &Transaction, context: i32, make: Make<'_>) -> Result<Option<i32>> {
    let client = transaction.client();
    let lock = "SELECT latest FROM upto.contexts WHERE id = $1 FOR NO KEY UPDATE";
    let Some(row) = client.query_typed_opt(lock, &[(&context, Type::INT4)]).await? else { return Ok(None) };
    let latest: i32 = row.get(0);
    let number = match make.name {
        Some(name) => {
            let find = "SELECT number FROM upto.timelines WHERE context_id = $1 AND name = $2";
            match client.query_typed_opt(find, &[(&context, Type::INT4), (&name, Type::TEXT)]).await? {
                Some(row) => return Ok(Some(row.get(0))),
                None => latest + 1,
            }
        }
        None if make.always => latest + 1,
        // Where somebody deleted the newest, it comes back under its number: numbers only ever grow.
        None => latest.max(1),
    };
    let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
        (&context, Type::INT4),
        (&number, Type::INT4),
        (&make.name, Type::TEXT),
        (&make.labels, Type::TEXT),
        (&Timestamp(make.begin.at), Type::TIMESTAMPTZ),
        (&Timestamp(make.begin.received), Type::TIMESTAMPTZ),
    ];
    let insert = "INSERT INTO upto.timelines (context_id, number, name, labels, created_at, received_at) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (context_id, number) DO NOTHING";
    client.execute_typed(insert, &parameters).await?;
    let update = "UPDATE upto.contexts SET latest = $2 WHERE id = $1 AND latest <> $2";
    client.execute_typed(update, &[(&context, Type::INT4), (&number, Type::INT4)]).await?;
    Ok(Some(number))
}

#[cfg(test)]
mod tests {
    use upto_tests::postgres::Database;
    use upto_wire::{Kind, Report};

    use super::*;
    use crate::event::{Event, EventKey};
    use crate::store::Change;

    /// The starts or the ends of so many steps.
    fn batch(kind: Kind, steps: usize) -> Batch {
        let event = Event::of_report(&Report::new(kind, "deploy", "-"), Time::from_micros(1));
        let change = |step| Change {
            context: "deploy".into(),
            target: Target::Active,
            key: EventKey { name: format!("step-{step:02}"), host: String::new() },
            event: event.clone(),
        };
        Batch { changes: (0..steps).map(change).collect(), received_at: Time::from_micros(1) }
    }

    #[tokio::test]
    async fn starts_that_come_after_their_ends_do_not_cost_a_batch() {
        let database = Database::fresh().expect("a database");
        let store = Postgres::open(database.url()).await.expect("a store");
        for kind in [Kind::End, Kind::Start] {
            store.write_batch(&batch(kind, 50)).await.expect("written");
        }
        let whole = "SELECT count(*) FROM upto.events WHERE started_at IS NOT NULL AND ended_at IS NOT NULL";
        assert_eq!(database.query(whole).expect("counted"), [[Some("50".to_owned())]]);
        assert!(store.trust.allows(), "no row that looked new was there");
    }

    #[tokio::test]
    async fn a_text_that_exists_uses_up_no_id() {
        let database = Database::fresh().expect("a database");
        for steps in [50, 50, 51] {
            let store = Postgres::open(database.url()).await.expect("a store");
            store.write_batch(&batch(Kind::Start, steps)).await.expect("written");
        }
        let ids = database.query("SELECT count(*), max(id) FROM upto.texts").expect("counted");
        assert_eq!(ids, [[Some("51".to_owned()), Some("51".to_owned())]]);
    }

    /// What the planner knew when the store was small is what it goes by while it grows.
    #[tokio::test]
    async fn stray_ends_are_looked_up_by_the_whole_key() {
        let database = Database::fresh().expect("a database");
        let _store = Postgres::open(database.url()).await.expect("a store");
        let small = "INSERT INTO upto.events (context_id, timeline, name_id, host_id, started_at, ended_at) \
            SELECT c, t, n, 1, now(), now() FROM generate_series(1, 10) c, generate_series(1, 20) t, generate_series(1, 50) n";
        database.execute(small).expect("it takes them");
        database.execute("VACUUM ANALYZE").expect("it looks at them");
        let grown = "INSERT INTO upto.events (context_id, timeline, name_id, host_id, started_at) \
            SELECT 1, 20, n, h, now() FROM generate_series(1000, 11000) n, generate_series(1, 20) h";
        database.execute(grown).expect("it takes more");
        let values = ["1", "5", "20", "7", "1", "now()"].into_iter().enumerate();
        let asked = values.fold(FIND_RUNNING.to_owned(), |text, (at, value)| {
            text.replace(&format!("${}::", at + 1), &format!("array_fill({value}, array[1000])::"))
        });
        let plan = database.query(&format!("{BEGIN}; EXPLAIN {asked}")).expect("a plan");
        let lines: Vec<String> = plan.into_iter().flatten().flatten().collect();
        let by_key = lines.iter().filter(|line| {
            let key = ["context_id =", "timeline =", "name_id =", "host_id ="];
            line.contains("Index Cond") && key.iter().all(|column| line.contains(column))
        });
        let scans = lines.iter().filter(|line| line.contains(" on events ")).count();
        assert_eq!((by_key.count(), scans), (2, 2), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("JIT")), "nothing is compiled: {lines:#?}");
    }
}
