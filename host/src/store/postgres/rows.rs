//! The rows of a batch on their way into the tables, within the transaction of the batch.
//!
//! A row that begins with a start or a point is new, as a rule, and new rows are cheapest by `COPY`: it asks no index first
//! whether they are there. Where one is there all the same, or another instance is about to write it, nothing of the
//! transaction stands, and the batch is written anew by the statement that merges.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{BufMut, Bytes, BytesMut};
use futures::future::{join3, try_join};
use futures::{SinkExt, pin_mut};
use hashbrown::HashSet;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use upto_wire::Time;

use super::Result;
use super::connect::Transaction;
use super::types::{Parameter, Timestamp};
use crate::store::plan::{Row, RowKey};
use crate::store::rule::{Columns, merge};

/// The columns of a row, in the order of [`UPSERT`]'s parameters and of [`encode`].
macro_rules! columns {
    () => {
        "(context_id, timeline, name_id, host_id, started_at, restarted_at, ended_at, is_point, status, start_labels, \
         end_labels, functions)"
    };
}

/// The rows come as arrays in the order of the key, in which they are locked: no sort or join may come between.
const UPSERT: &str = concat!(
    "INSERT INTO upto.events AS e ",
    columns!(),
    " SELECT * FROM unnest($1::int4[], $2::int4[], $3::int4[], $4::int4[], $5::timestamptz[], $6::timestamptz[], \
       $7::timestamptz[], $8::bool[], $9::int2[], $10::text[], $11::text[], $12::int2[])",
    merge!()
);

const COPY: &str = concat!("COPY upto.events ", columns!(), " FROM STDIN (FORMAT binary)");

/// What is copied is not in the order of what is merged after it, so that two instances could wait for each other in a
/// circle. So they wait for less time than the server takes to look for one.
const COPY_WAIT: &str = "SET LOCAL lock_timeout = '100ms'";

/// New rows from which on `COPY` is worth its two round trips. Tests have it always.
const MIN_COPY: usize = if cfg!(test) { 1 } else { 200 };

/// Rows are locked in order before they are changed. Where one is gone it fails, as a division by zero, and with it the
/// transaction: the commit is on its way already, and must not leave events without their timeline behind.
const TOUCH: &str = "WITH locked AS ( \
       SELECT t.context_id, t.number FROM unnest($1::int4[], $2::int4[]) k(context_id, number) \
       JOIN upto.timelines t ON t.context_id = k.context_id AND t.number = k.number \
       ORDER BY t.context_id, t.number FOR NO KEY UPDATE OF t), \
     touched AS ( \
       UPDATE upto.timelines t SET revision = t.revision + 1, received_at = greatest(t.received_at, $3) \
       FROM locked WHERE t.context_id = locked.context_id AND t.number = locked.number RETURNING 1) \
     SELECT 1 / (count(*) = cardinality($1))::int FROM touched";

/// Bytes of one message of a `COPY`. For a large one the server would have to find new memory each time.
const MESSAGE: usize = 32 << 10;

/// What came of writing rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// They are committed.
    Committed,
    /// A timeline was gone, and nothing was written.
    Vanished,
    /// A row that looked new is there or is being made by others, and nothing was written.
    Met,
}

/// Whether rows that look new are worth a `COPY`. Each time that one was not new, twice as many batches go without: where several
/// instances are at the same events, they wait for each other as long as they copy.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Batches that still go without.
    pause: AtomicU32,
    last_pause: AtomicU32,
    unstarted: Mutex<Unstarted>,
}

/// Rows that this instance wrote lately and that have no start yet: it may be on its way, and then only looks new.
#[derive(Debug, Default)]
struct Unstarted {
    recent: HashSet<RowKey>,
    older: HashSet<RowKey>,
}

impl Unstarted {
    /// Rows of each of the two parts at the most, which take 2 MiB together.
    const LIMIT: usize = 50_000;

    fn add(&mut self, key: RowKey) {
        if self.recent.len() >= Self::LIMIT {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key);
    }

    fn contains(&self, key: &RowKey) -> bool {
        self.recent.contains(key) || self.older.contains(key)
    }
}

impl Trust {
    /// The longest pause, in batches.
    const LONGEST_PAUSE: u32 = 1_024;

    fn unstarted(&self) -> MutexGuard<'_, Unstarted> {
        self.unstarted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this batch may use it.
    pub fn allows(&self) -> bool {
        // Two writers at once may count one batch too many.
        let pause = self.pause.load(Ordering::Relaxed);
        self.pause.store(pause.saturating_sub(1), Ordering::Relaxed);
        pause == 0
    }

    /// It went as it should, which gains far less than the other costs.
    pub fn was_right(&self) {
        self.last_pause.store(self.last_pause.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }

    /// It did not, and the pause is of so many batches at the least. The batch itself, which is next, is not counted.
    pub fn was_wrong(&self, least: u32) {
        let pause = (self.last_pause.load(Ordering::Relaxed) * 2).clamp(least, Self::LONGEST_PAUSE);
        self.last_pause.store(pause, Ordering::Relaxed);
        self.pause.store(pause + 1, Ordering::Relaxed);
    }
}

/// A row in columns, with the id of its set of functions.
struct Full<'a> {
    key: RowKey,
    columns: Columns<'a>,
    functions: i16,
}

impl Full<'_> {
    fn looks_new(&self) -> bool {
        self.columns.started_at.is_some() || self.columns.is_point
    }
}

/// Writes rows, raises revisions and commits.
pub(super) async fn write(
    transaction: &Transaction,
    rows: &[Row<'_>],
    functions: &[i16],
    touched: &[(i32, i32)],
    received_at: Time,
    trust: &Trust,
) -> Result<Written> {
    let full = rows.iter().zip(functions).map(|((key, event), functions)| Full {
        key: *key,
        columns: Columns::of(event),
        functions: *functions,
    });
    let (mut new, mut others): (Vec<_>, Vec<_>) = {
        let unstarted = trust.unstarted();
        full.partition(|row| row.looks_new() && !unstarted.contains(&row.key))
    };
    let copies = new.len() >= MIN_COPY && trust.allows();
    if !copies && !new.is_empty() {
        others.append(&mut new);
        others.sort_by_key(|row| row.key);
    }
    let written = match if copies { copy(transaction, &new).await } else { Ok(()) } {
        Ok(()) => merge(transaction, &others, touched, received_at).await,
        Err(error) => Err(error),
    };
    let written = match written {
        Err(error) if copies && let Some(pause) = pause_after(&error) => {
            trust.was_wrong(pause);
            return Ok(Written::Met);
        }
        written => written?,
    };
    if written == Written::Committed {
        if copies {
            trust.was_right();
        }
        let mut unstarted = trust.unstarted();
        others.iter().filter(|row| !row.looks_new()).for_each(|row| unstarted.add(row.key));
    }
    Ok(written)
}

/// Where rows that looked new met others: how many batches go without `COPY` now, at the least.
fn pause_after(error: &Error) -> Option<u32> {
    match error.code()? {
        code if *code == SqlState::UNIQUE_VIOLATION => Some(8),
        // Others are at the same events, and stay at them.
        code if [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED].contains(code) => Some(64),
        _ => None,
    }
}

/// Copies new rows. The statement is closed before the transaction ends: behind a pooler the connection is another's then.
async fn copy(transaction: &Transaction, rows: &[Full<'_>]) -> std::result::Result<(), Error> {
    let client = transaction.client();
    let (_, statement) = try_join(client.batch_execute(COPY_WAIT), client.prepare(COPY)).await?;
    let sink = client.copy_in::<_, Bytes>(&statement).await?;
    pin_mut!(sink);
    let mut rows = encode(rows);
    while !rows.is_empty() {
        sink.feed(rows.split_to(rows.len().min(MESSAGE))).await?;
    }
    sink.finish().await.map(drop)
}

/// Rows in the binary format of `COPY`, see Postgres' documentation of it.
fn encode(rows: &[Full<'_>]) -> Bytes {
    const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
    /// With its lengths a row without labels has 94 bytes at the most.
    const ROW: usize = 96;
    let mut out = BytesMut::with_capacity(HEADER.len() + rows.len() * ROW);
    out.put_slice(HEADER);
    for Full { key, columns, functions, .. } in rows {
        out.put_i16(12);
        for id in [key.context, key.timeline, key.name, key.host] {
            out.put_i32(4);
            out.put_i32(id);
        }
        for time in [columns.started_at, columns.restarted_at, columns.ended_at] {
            match time.map(Timestamp) {
                Some(time) => {
                    out.put_i32(8);
                    out.put_i64(time.micros_since_2000());
                }
                None => out.put_i32(-1),
            }
        }
        out.put_i32(1);
        out.put_u8(u8::from(columns.is_point));
        out.put_i32(2);
        out.put_i16(columns.status);
        for labels in [columns.start_labels, columns.end_labels] {
            // A report's labels are far from 2 GiB.
            out.put_i32(labels.len() as i32);
            out.put_slice(labels.as_bytes());
        }
        out.put_i32(2);
        out.put_i16(*functions);
    }
    out.put_i16(-1);
    out.freeze()
}

/// Merges rows with what is there, raises revisions and commits, in one round trip.
async fn merge(
    transaction: &Transaction,
    rows: &[Full<'_>],
    touched: &[(i32, i32)],
    received_at: Time,
) -> std::result::Result<Written, Error> {
    let key = |of: fn(&RowKey) -> i32| rows.iter().map(|row| of(&row.key)).collect::<Vec<i32>>();
    let time = |of: fn(&Columns<'_>) -> Option<Time>| {
        rows.iter().map(|row| of(&row.columns).map(Timestamp)).collect::<Vec<_>>()
    };
    let label = |of: for<'a> fn(&Columns<'a>) -> &'a str| rows.iter().map(|row| of(&row.columns)).collect::<Vec<_>>();
    let keys = [key(|key| key.context), key(|key| key.timeline), key(|key| key.name), key(|key| key.host)];
    let times = [time(|row| row.started_at), time(|row| row.restarted_at), time(|row| row.ended_at)];
    let points: Vec<bool> = rows.iter().map(|row| row.columns.is_point).collect();
    let statuses: Vec<i16> = rows.iter().map(|row| row.columns.status).collect();
    let labels = [label(|row| row.start_labels), label(|row| row.end_labels)];
    let functions: Vec<i16> = rows.iter().map(|row| row.functions).collect();
    let mut parameters: Vec<Parameter<'_>> = Vec::with_capacity(12);
    parameters.extend(keys.iter().map(|column| (column as _, Type::INT4_ARRAY)));
    parameters.extend(times.iter().map(|column| (column as _, Type::TIMESTAMPTZ_ARRAY)));
    parameters.push((&points, Type::BOOL_ARRAY));
    parameters.push((&statuses, Type::INT2_ARRAY));
    parameters.extend(labels.iter().map(|column| (column as _, Type::TEXT_ARRAY)));
    parameters.push((&functions, Type::INT2_ARRAY));

    let (contexts, numbers): (Vec<i32>, Vec<i32>) = touched.iter().copied().unzip();
    let touch: [Parameter<'_>; 3] =
        [(&contexts, Type::INT4_ARRAY), (&numbers, Type::INT4_ARRAY), (&Timestamp(received_at), Type::TIMESTAMPTZ)];
    let client = transaction.client();
    let upsert = async {
        match rows.is_empty() {
            true => Ok(0),
            false => client.execute_typed(UPSERT, &parameters).await,
        }
    };
    // After an error the server skips the others, and COMMIT only rolls back.
    let (merged, touched, committed) =
        join3(upsert, client.execute_typed(TOUCH, &touch), client.batch_execute("COMMIT")).await;
    merged?;
    match touched {
        Err(error) if error.code() == Some(&SqlState::DIVISION_BY_ZERO) => return Ok(Written::Vanished),
        other => drop(other?),
    }
    committed.map(|()| Written::Committed)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::time::{Duration, Instant};

    use futures::future::join;
    use upto_tests::postgres::Database;
    use upto_wire::{Kind, Report};

    use super::super::Postgres;
    use super::*;
    use crate::event::Event;

    /// Why all writers lock in one order. The fault suite shows that with it none wait in a circle.
    #[tokio::test(flavor = "multi_thread")]
    async fn without_the_order_two_writers_wait_for_each_other() {
        let database = Database::fresh().expect("a database");
        let store = Postgres::open(database.url()).await.expect("a store");
        let timeline = "INSERT INTO upto.contexts (name, latest, created_at) VALUES ('deploy', 1, now()); \
            INSERT INTO upto.timelines (context_id, number, created_at, received_at) VALUES (1, 1, now(), now())";
        database.execute(timeline).expect("a timeline");
        let end = Event::of_report(&Report::new(Kind::End, "-", "-"), Time::from_micros(1));
        let row = |name| (RowKey { context: 1, timeline: 1, name, host: 0 }, Cow::Borrowed(&end));
        let rows: Vec<Row<'_>> = (1..=3_000).map(row).collect();
        let reversed: Vec<Row<'_>> = rows.iter().rev().cloned().collect();
        let write = async |rows: &[Row<'_>]| {
            let mut transaction = Transaction::begin(&store.pool).await?;
            let functions = vec![0; rows.len()];
            let written = write(&transaction, rows, &functions, &[(1, 1)], Time::from_micros(1), &store.trust).await;
            match written {
                Ok(_) => transaction.ended(),
                Err(_) => transaction.roll_back().await?,
            }
            written
        };
        assert_eq!(write(&rows).await.expect("written"), Written::Committed);
        for _ in 0..10 {
            let (one, other) = join(write(&rows), write(&rows)).await;
            assert_eq!((one.expect("in order"), other.expect("in order")), (Written::Committed, Written::Committed));
        }
        let patience = Instant::now() + Duration::from_secs(60);
        let is_deadlock = |written: Result<Written>| written.is_err_and(|error| error.to_string().contains("40P01"));
        while !<[_; 2]>::from(join(write(&rows), write(&reversed)).await).into_iter().any(is_deadlock) {
            assert!(Instant::now() < patience, "they never met");
        }
    }

    #[test]
    fn who_was_wrong_again_and_again_is_asked_less_and_less() {
        let trust = Trust::default();
        let pause = || (0..).take_while(|_| !trust.allows()).count();
        assert_eq!(pause(), 0);
        let pauses = [8, 16, 32, 64].map(|expected| {
            trust.was_wrong(8);
            (pause(), expected)
        });
        assert!(pauses.iter().all(|(pause, expected)| *pause == expected + 1), "{pauses:?}");
        (0..60).for_each(|_| trust.was_right());
        trust.was_wrong(8);
        assert_eq!(pause(), 9);
        trust.was_wrong(64);
        assert_eq!(pause(), 65);
    }
}
